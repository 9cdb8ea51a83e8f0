import type { Logger } from "../../domain/logger.ts";

/** The same trouble is logged this often while it lasts. */
const EVERY_MS = 10_000;

/** Something that is wrong, and says so now and then until it is over. */
export interface Complaint {
  raise(msg: string, detail: string): void;
  settle(msg: string): void;
  /** What is wrong at the moment. */
  detail(): string | undefined;
}

export function createComplaint(logger: Logger): Complaint {
  let detail: string | undefined;
  let said = -Infinity;
  return {
    raise(msg, what) {
      const now = performance.now();
      if (what !== detail || now - said >= EVERY_MS) {
        logger.error({ detail: what }, msg);
        said = now;
      }
      detail = what;
    },
    settle(msg) {
      if (detail !== undefined) logger.info({}, msg);
      detail = undefined;
    },
    detail: () => detail,
  };
}
