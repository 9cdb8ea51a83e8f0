/** Event ids are known by a hash of 8 bytes; those of many events lie one behind the other. */
const ID_BYTES = 8;

/** The hashes as numbers: of a copy, since they may lie anywhere in a larger buffer. */
export const hashesOf = (ids: Uint8Array): BigUint64Array => new BigUint64Array(new Uint8Array(ids).buffer);

/** Each hash alone. */
export const splitIds = (ids: Uint8Array): Uint8Array[] =>
  Array.from({ length: ids.length / ID_BYTES }, (_, index) => idAt(ids, index));

/** One of the hashes. */
export const idAt = (ids: Uint8Array, index: number): Uint8Array =>
  ids.subarray(index * ID_BYTES, (index + 1) * ID_BYTES);

/** Where these hashes are last, as a run; -1 where they are not. */
export function lastIndexOf(ids: Uint8Array, wanted: Uint8Array): number {
  for (let at = ids.length - wanted.length; at >= 0; at -= ID_BYTES)
    if (Buffer.compare(ids.subarray(at, at + wanted.length), wanted) === 0) return at / ID_BYTES;
  return -1;
}
