import { type Failure, failure } from "../domain/errors.ts";
import { reasonOf } from "./within.ts";

/** The key is another post's. */
export const reused = (key: string): Failure =>
  failure(
    "idempotency-key-reused",
    `the key ${key} came with another body or to another path before; use a new key for a new post`,
  );

/** The first post is not answered yet. */
export const busy = (key: string): Failure =>
  failure(
    "idempotency-key-busy",
    `the first post with the key ${key} is not answered yet; post again a little later`,
    { retryAfter: 1 },
  );

/** Too many keys are on their way, in bytes. */
export function crowded(bytes: number, maxBytes: number): Failure {
  return failure(
    "spool-unavailable",
    `the keys of posts on their way take ${bytes} bytes of the ${maxBytes} that they may, and the disk takes none; ` +
      "nothing was taken, post again later",
    { retryAfter: 1 },
  );
}

/** Whether the disk knows the key cannot be told. */
export function unreadable(error: unknown): Failure {
  return failure(
    "idempotency-unavailable",
    `the keys on disk cannot be read (${reasonOf(error)}), and without them this post could make a second record; ` +
      "nothing was taken, post again later",
    { retryAfter: 1 },
  );
}
