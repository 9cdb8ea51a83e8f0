import type { ReceiptSource } from "../../domain/ports.ts";
import type { SpoolFile } from "../../domain/spool.ts";
import { kafkaFailure } from "../kafka/errors.ts";

/** What the file knows of events, also of those that earlier processes took. */
export const spoolReceipts = (file: SpoolFile, hashOf: (id: string) => Uint8Array): ReceiptSource => ({
  async find(id) {
    const trace = await file.find(hashOf(id));
    if (trace === undefined) return undefined;
    if (trace.status === "failed")
      return { status: "failed", id, error: kafkaFailure(trace.code, trace.text) };
    return { ...trace, id };
  },
  reach: () => "those on disk and some 100,000 that were",
});
