/** Below this collecting garbage keeps up. */
const LARGE = 32 * 1024;

/**
 * Gives the memory of many bytes back at once; nobody may read them any more. As garbage they would wait for their turn:
 * 300 posts of 4 MB, 8 at a time and one after the other refused by the core, made 52 MB resident 250, and so 79 (Bun 1.4.5).
 */
export function freeBytes(bytes: Uint8Array): void {
  const { buffer } = bytes;
  // A small Buffer is a part of a pool.
  if (buffer instanceof ArrayBuffer && bytes.byteLength >= LARGE && buffer.byteLength === bytes.byteLength)
    buffer.transfer(0);
}
