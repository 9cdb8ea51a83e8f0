import type { SettledChunk } from "../domain/spool.ts";

/** Gets the events of one type that are settled: how many are in Kafka, and of the others how many by librdkafka's code. */
export type Replayed = (type: string, delivered: number, failures: ReadonlyMap<number, number>) => void;

/** An outcome has 24 bytes: see `Outcomes`. */
const SIZE = 24;
const CODE = 20;
const TYPE = 22;

/** Books the outcomes of a replayed chunk, type by type. */
export function bookSettled({ outcomes, types }: SettledChunk, replayed: Replayed): void {
  const view = new DataView(outcomes.buffer, outcomes.byteOffset, outcomes.byteLength);
  const counts = types.map(() => ({ delivered: 0, failures: new Map<number, number>() }));
  for (let at = 0; at < outcomes.byteLength; at += SIZE) {
    const code = view.getInt16(at + CODE, true);
    const count = counts[view.getUint16(at + TYPE, true)];
    if (count === undefined) continue;
    if (code === 0) count.delivered++;
    else count.failures.set(code, (count.failures.get(code) ?? 0) + 1);
  }
  for (const [index, { delivered, failures }] of counts.entries())
    if (delivered + failures.size > 0) replayed(types[index]!, delivered, failures);
}
