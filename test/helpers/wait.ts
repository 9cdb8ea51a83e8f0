import { setInterval } from "node:timers/promises";

const POLL_MS = 10;

/** Asks `check` again and again until it answers something; throws `otherwise()` after `ms` milliseconds. */
export async function waitUntil<T>(
  check: () => T | undefined | Promise<T | undefined>,
  ms: number,
  otherwise: () => Error,
): Promise<T> {
  const deadline = Date.now() + ms;
  const first = await check();
  if (first !== undefined) return first;
  for await (const _ of setInterval(POLL_MS)) {
    const answer = await check();
    if (answer !== undefined) return answer;
    if (Date.now() > deadline) break;
  }
  throw otherwise();
}
