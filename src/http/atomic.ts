import { type Failure, failure } from "../domain/errors.ts";
import type { Wait } from "../usecase/publish.ts";

/** Whether a post of many events asks, by `?atomic=true`, to be taken as a whole; or why that cannot be said. */
export function readAtomic(url: string): boolean | Failure {
  const query = url.indexOf("?");
  if (query === -1) return false;
  const values = new URLSearchParams(url.slice(query)).getAll("atomic");
  if (values.length === 0 || (values.length === 1 && values[0] === "false")) return false;
  if (values.length === 1 && values[0] === "true") return true;
  const seen = values.map((value) => `atomic=${value}`).join("&");
  return failure("invalid-parameter", `the query has ${seen}; allowed: one atomic=true or atomic=false`);
}

/** A commit is waited for. EVENTS_ACK=accepted cannot change that, but a request that asks not to wait is told. */
export function atomicWait(wait: Wait, isAsked: boolean, longest: number): number | Failure {
  if (wait !== "no") return wait;
  if (!isAsked) return longest;
  return failure(
    "invalid-parameter",
    "Prefer: respond-async does not go with atomic=true, whose answer is the commit; leave one of them out, or say wait=N",
  );
}
