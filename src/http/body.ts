import { type Failure, failure } from "../domain/errors.ts";
import { nextTurn } from "./turn.ts";

export interface BodyLimits {
  /** Bytes. */
  maxBody: number;
  /** Milliseconds, from the call on, within which the whole body must have arrived. */
  readTimeout: number;
  /** Aborted when nothing is taken any more: a body that has not arrived by then is not waited for. */
  closing: AbortSignal;
}

/** Makes room for so many bytes, or says why there is none. */
export type Hold = (bytes: number) => Failure | undefined;

/**
 * Reads the whole body, or says why not: `body-too-large`, known from Content-Length before a byte is read or found
 * while a chunked body arrives, `request-timeout`, `client-left` or `draining`. Never throws. The listener closes the
 * connection of a 408. `hold` gets the size of the body before it is read, or of each part as it comes, and may refuse it.
 */
export function readBody(
  request: Request,
  { maxBody, readTimeout, closing }: BodyLimits,
  hold: Hold,
): Promise<Uint8Array | Failure> {
  // NaN where the body is chunked, or where equal lengths came twice ("3, 3"): those are counted as they arrive.
  const length = Number(request.headers.get("content-length") ?? Number.NaN);
  if (length > maxBody) return Promise.resolve(tooLarge(length, maxBody));
  const known = length <= maxBody;
  const refusal = hold(known ? length : 0);
  if (refusal) return Promise.resolve(refusal);
  const body = known ? request.bytes() : collect(request.body, maxBody, hold);
  return withDeadline(body, readTimeout, closing);
}

interface Waiting {
  body: Promise<Uint8Array | Failure>;
  ms: number;
  closing: AbortSignal;
  resolve: (result: Failure) => void;
}

function withDeadline(
  body: Promise<Uint8Array | Failure>,
  ms: number,
  closing: AbortSignal,
): Promise<Uint8Array | Failure> {
  return new Promise((resolve) => {
    body.then(resolve, () =>
      resolve(failure("client-left", "the connection closed before the whole body arrived")),
    );
    setTimers({ body, ms, closing, resolve });
  });
}

// Bun calls the handler when the headers are complete, so even a body of the same packet is pending at first, but no
// longer on the next turn. A timer for every body would cost 0.8 us; this costs 0.3 us.
const setTimers = nextTurn<Waiting>((all) => {
  for (const { body, ms, closing, resolve } of all) {
    if (Bun.peek.status(body) !== "pending") continue;
    const timer = setTimeout(
      resolve,
      ms,
      failure("request-timeout", `the body did not arrive within ${ms} ms`),
    );
    const giveUp = (): void =>
      resolve(failure("draining", "the process shut down before the whole body arrived", { retryAfter: 1 }));
    if (closing.aborted) giveUp();
    closing.addEventListener("abort", giveUp);
    const clear = (): void => {
      clearTimeout(timer);
      closing.removeEventListener("abort", giveUp);
    };
    body.then(clear, clear);
  }
});

async function collect(body: Request["body"], maxBody: number, hold: Hold): Promise<Uint8Array | Failure> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  // Leaving the loop cancels the stream; Bun then discards what still arrives.
  for await (const chunk of body ?? []) {
    size += chunk.byteLength;
    if (size > maxBody) return tooLarge(size, maxBody);
    const refusal = hold(chunk.byteLength);
    if (refusal) return refusal;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, size);
}

function tooLarge(size: number, maxBody: number): Failure {
  return failure("body-too-large", `the body has ${size} bytes or more; the limit is ${maxBody}`);
}
