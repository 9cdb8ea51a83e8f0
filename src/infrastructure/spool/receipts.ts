import { failure } from "../../domain/errors.ts";
import type { ReceiptSource } from "../../domain/ports.ts";
import type { Receipt } from "../../domain/receipt.ts";
import type { SpoolFile, Trace } from "../../domain/spool.ts";
import { kafkaFailure } from "../kafka/errors.ts";

/** What the file knows of events, also of those that earlier processes took. */
export const spoolReceipts = (file: SpoolFile, hashOf: HashOf): ReceiptSource => ({
  async find(id) {
    const trace = await file.find(hashOf(id));
    return trace && toReceipt(id, trace);
  },
  reach: () => "those on disk and some 100,000 that were",
});

/**
 * The receipts of events that were on disk once, and were taken together. Of what is not known (any more) it is certain
 * that it is in no memory and not on disk alone: it was sent before, or from there.
 */
export async function claimedReceipts(
  file: Pick<SpoolFile, "findTogether">,
  hashOf: HashOf,
  ids: readonly string[],
): Promise<Receipt[]> {
  const traces = await file.findTogether(Buffer.concat(ids.map(hashOf)));
  return ids.map((id, index) => toReceipt(id, traces[index] ?? { status: "stored" }));
}

type HashOf = (id: string) => Uint8Array;

function toReceipt(id: string, trace: Trace): Receipt {
  if (trace.status === "failed") return { status: "failed", id, error: kafkaFailure(trace.code, trace.text) };
  return trace.status === "damaged" ? { status: "failed", id, error: DAMAGED } : { ...trace, id };
}

const DAMAGED = failure(
  "delivery-abandoned",
  "what the disk has of it is not what was written, so it is not sent; look at the disk, and post it again",
);
