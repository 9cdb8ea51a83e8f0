import type { Failure } from "../../domain/errors.ts";
import type { EventType } from "../../domain/event.ts";
import type { Batch, Framing, SettleBatch } from "../../domain/ports.ts";
import { knownOrNull, STORED } from "../../domain/outcomes.ts";
import { COLUMNS, type EventCore, NOWHERE } from "./core.ts";
import { kafkaFailure } from "./errors.ts";
import { refusal } from "./refusal.ts";

/** Sends a batch through the core; the answer reads the core's table as it fills. `types` are the core's, in its order. */
export function sendBatch(
  core: EventCore,
  types: readonly EventType[],
  body: Uint8Array,
  framing: Framing,
  receipts: boolean,
  settle: SettleBatch,
): Batch | Failure {
  const result = core.produceBatch(body, framing === "lines", settle, receipts, !receipts);
  if (typeof result === "number") return refusal(core, result, body);
  const { table } = result;
  const typeAt = (index: number) => types[table[index * COLUMNS + 1]!]!;
  let ids: readonly string[] | undefined;
  return {
    size: table.length / COLUMNS,
    // Cut apart only when asked for: a batch whose receipts the core renders needs them for a few log lines a second.
    get ids() {
      ids ??= typeof result.ids === "string" ? result.ids.split("\n").slice(0, -1) : result.ids;
      return ids;
    },
    typeAt,
    deliveryAt(index) {
      const at = index * COLUMNS;
      const code = table[at]!;
      if (Number.isNaN(code)) return undefined;
      if (code === STORED) return { stored: true };
      if (code !== 0)
        return { error: kafkaFailure(code, core.errorText(code)), nowhere: table[at + 3] === NOWHERE };
      return {
        topic: typeAt(index).topic,
        partition: table[at + 2]!,
        offset: knownOrNull(table[at + 3]),
        timestamp: knownOrNull(table[at + 4]),
      };
    },
  };
}
