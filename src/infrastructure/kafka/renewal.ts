import type { RdKafka } from "@confluentinc/kafka-javascript";

import type { Logger } from "../../domain/logger.ts";
import type { EventCore } from "./core.ts";

/** What a renewal changes of what is known of the client. */
interface Known {
  renewals: number;
  /** Why there is no client that produces. */
  fatalError?: string;
}

const RETRY_MS = 1000;

/**
 * An idempotent producer that has lost track of its sequence can never produce again (KIP-360). It is replaced by a new
 * one, which gets everything that is not settled, in order; tried each second until it works.
 */
export function renewWhenFatal(
  client: RdKafka.Producer,
  core: EventCore,
  known: Known,
  logger: Logger,
): void {
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
    known.fatalError = reason;
    logger.error({ detail }, "Kafka client could not be replaced; trying again");
    setTimeout(renew, RETRY_MS, reason);
  }

  client.on("event.error", ({ isFatal, message }) => {
    if (isFatal) renew(message);
  });
}
