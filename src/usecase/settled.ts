import { OUTCOME_BYTES, outcomeAt, STORED } from "../domain/outcomes.ts";
import type { SettledChunk } from "../domain/spool.ts";

/** Gets the events of one type that are settled: how many are in Kafka, and of the others how many by librdkafka's code. */
export type Replayed = (type: string, delivered: number, failures: ReadonlyMap<number, number>) => void;

/** Books the outcomes of a replayed chunk, type by type. What was settled `before` is in the books of another process. */
export function bookSettled(
  { outcomes, types }: SettledChunk,
  before: Uint8Array | undefined,
  replayed: Replayed,
): void {
  const counts = types.map(() => ({ delivered: 0, failures: new Map<number, number>() }));
  for (let index = 0; index * OUTCOME_BYTES < outcomes.byteLength; index++) {
    const { code, topic } = outcomeAt(outcomes, index);
    const count = counts[topic];
    if (count === undefined || (before && outcomeAt(before, index).code !== STORED)) continue;
    if (code === 0) count.delivered++;
    else count.failures.set(code, (count.failures.get(code) ?? 0) + 1);
  }
  for (const [index, { delivered, failures }] of counts.entries())
    if (delivered + failures.size > 0) replayed(types[index]!, delivered, failures);
}
