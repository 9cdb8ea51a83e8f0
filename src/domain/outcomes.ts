/** In place of librdkafka's code: the event is not settled, and on disk. */
export const STORED = -1005;

/** An outcome has so many bytes, and these two at these places: see `Outcomes`. */
export const OUTCOME_BYTES = 24;
const CODE_AT = 20;
const TOPIC_AT = 22;

/** One event's outcome. `topic` is an index, of its type as well; an offset or a timestamp below 0 is not known. */
export function outcomeAt(outcomes: Uint8Array, index: number) {
  const view = new DataView(outcomes.buffer, outcomes.byteOffset + index * OUTCOME_BYTES, OUTCOME_BYTES);
  return {
    offset: view.getFloat64(0, true),
    timestamp: view.getFloat64(8, true),
    partition: view.getInt32(16, true),
    code: view.getInt16(CODE_AT, true),
    topic: view.getUint16(TOPIC_AT, true),
  };
}

/** An offset or a timestamp, where it is known. */
export const knownOrNull = (value: number | undefined): number | null =>
  value !== undefined && value >= 0 ? value : null;

/** How many events are not settled. */
export function countStored(outcomes: Uint8Array): number {
  const view = new DataView(outcomes.buffer, outcomes.byteOffset, outcomes.byteLength);
  let count = 0;
  for (let at = CODE_AT; at < outcomes.byteLength; at += OUTCOME_BYTES)
    if (view.getInt16(at, true) === STORED) count++;
  return count;
}
