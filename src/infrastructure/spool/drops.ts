/** Drops the answers to keys, again and again until the disk has done it: a later process must not find them. */
export interface Drops {
  drop(key: string): void;
  /** The key has another answer, which stays. */
  keep(key: string): void;
}

/** `write` drops one, and rejects where the disk does not. `isOver`: no more tries. */
export function createDrops(
  write: (key: string) => Promise<void>,
  isOver: () => boolean,
  retryMs: number,
): Drops {
  const dropping = new Set<string>();

  async function dropAtLast(key: string): Promise<void> {
    while (dropping.has(key) && !isOver()) {
      const done = await write(key).then(
        () => true,
        () => false,
      );
      if (done) dropping.delete(key);
      else await Bun.sleep(retryMs);
    }
  }

  return {
    drop(key) {
      if (dropping.has(key)) return;
      dropping.add(key);
      void dropAtLast(key);
    },
    keep: (key) => void dropping.delete(key),
  };
}
