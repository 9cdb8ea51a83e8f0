import type { RdKafka } from "@confluentinc/kafka-javascript";

import type { Logger } from "../../domain/logger.ts";
import { backoff } from "../../domain/retry.ts";
import type { EventCore } from "./core.ts";

/** What a renewal changes of what is known of the client. */
interface Known {
  renewals: number;
  /** Why there is no client that produces. */
  fatalError?: string;
}

/** Milliseconds: a client that has lived for longer is replaced at once, one that fails again and again ever later. */
const STABLE_MS = 60_000;
const BACKOFF_MS = 100;

/**
 * An idempotent producer that has lost track of its sequence can never produce again (KIP-360). It is replaced by a new
 * one, which gets everything that is not settled, in order; tried again and again until one lives.
 */
export function renewWhenFatal(
  client: RdKafka.Producer,
  core: EventCore,
  known: Known,
  logger: Logger,
): void {
  let attempt = 0;
  let last = -Infinity;

  function renewSoon(reason: string): void {
    const now = performance.now();
    attempt = now - last > STABLE_MS ? 0 : attempt + 1;
    last = now;
    if (attempt === 0) return renew(reason);
    known.fatalError = reason;
    setTimeout(renew, backoff(attempt + 1, BACKOFF_MS), reason);
  }

  function renew(reason: string): void {
    try {
      core.renew((error) => (error === null ? renewed(reason) : failed(reason, error.message)));
    } catch (error) {
      // It is replaced already, or closed.
      logger.debug({ err: error }, "Kafka client not replaced");
    }
  }

  function renewed(reason: string): void {
    known.renewals++;
    delete known.fatalError;
    logger.warn(
      { detail: reason, renewals: known.renewals },
      "Kafka client replaced: it had failed for good",
    );
  }

  function failed(reason: string, detail: string): void {
    if (!client.isConnected()) return;
    logger.error({ detail }, "Kafka client could not be replaced; trying again");
    renewSoon(reason);
  }

  client.on("event.error", ({ isFatal, message }) => {
    if (isFatal) renewSoon(message);
  });
}
