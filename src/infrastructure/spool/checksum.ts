import type { Chunk } from "../../domain/spool.ts";

/** Bits that a number holds exactly, in SQLite and in JavaScript. */
const BITS = 53;

const short = (hash: bigint): number => Number(BigInt.asUintN(BITS, hash));

/**
 * What the bytes of a chunk, packed as they lie in the file, must come to when they are read. xxHash3 is the same in every version of Bun; 64 bits of it take
 * 0.2 us for a chunk of one event and 6 us for 40 kB, as CRC-32 does.
 */
export const checksumOf = ({ ids, keys, bytes }: Pick<Chunk, "ids" | "keys" | "bytes">): number =>
  short(Bun.hash.xxHash3(bytes, Bun.hash.xxHash3(keys, Bun.hash.xxHash3(ids))));

/** The same for its outcomes. */
export const checksumOfOutcomes = (outcomes: Uint8Array): number => short(Bun.hash.xxHash3(outcomes));
