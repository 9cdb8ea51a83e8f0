import { type Failure, failure } from "../domain/errors.ts";
import type { ReceiptSource } from "../domain/ports.ts";
import type { Receipt } from "../domain/receipt.ts";
import { DISK_MS, reasonOf, within } from "./within.ts";

/** Says what became of an event, or why that is not known. */
export type ReceiptLookup = (id: string) => Promise<Receipt | Failure>;

/**
 * Asks one source after the other, the quickest first, until one knows the event's end; of what has none yet, `stored`
 * says more than `accepted`.
 */
export function createReceiptLookup(sources: readonly ReceiptSource[]): ReceiptLookup {
  return async (id) => {
    let known: Receipt | undefined;
    for (const source of sources) {
      let found: Receipt | undefined;
      try {
        found = await within(DISK_MS, Promise.resolve(source.find(id)));
      } catch (error) {
        // What another source said stays true, though more could have been said.
        return known ?? unavailable(error);
      }
      if (found?.status === "delivered" || found?.status === "failed") return found;
      if (found !== undefined && known?.status !== "stored") known = found;
    }
    return known ?? unknown(id, sources);
  };
}

function unknown(id: string, sources: readonly ReceiptSource[]): Failure {
  const reach = sources.map((source) => source.reach()).join(", and ") || "none";
  return failure(
    "unknown-receipt",
    `nothing is known of an event with the id ${JSON.stringify(id)}; known are: ${reach}`,
  );
}

const unavailable = (error: unknown): Failure =>
  failure(
    "receipts-unavailable",
    `the receipts on disk cannot be read (${reasonOf(error)}); ask again later`,
    {
      retryAfter: 1,
    },
  );
