import { knownOrNull } from "../../domain/outcomes.ts";
import type { ReceiptSource } from "../../domain/ports.ts";
import type { EventCore } from "./core.ts";
import { kafkaFailure } from "./errors.ts";

/** What the core knows of its latest events, and of those in memory. */
export const recentReceipts = (core: EventCore): ReceiptSource => ({
  find(id) {
    const found = core.findEvent(id);
    if (found === undefined) return undefined;
    if ("chunk" in found) return { status: found.chunk === 0 ? "accepted" : "stored", id };
    const { code, topic, partition, offset, timestamp } = found;
    if (code !== 0) return { status: "failed", id, error: kafkaFailure(code, core.errorText(code)) };
    return {
      status: "delivered",
      id,
      topic,
      partition,
      offset: knownOrNull(offset),
      timestamp: knownOrNull(timestamp),
    };
  },
  reach: () => "those in memory and some 65,000 before them",
});
