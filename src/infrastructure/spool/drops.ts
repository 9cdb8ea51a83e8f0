/** Drops the answers to keys, again and again until the disk has done it: a later process must not find them. */
export interface Drops {
  drop(key: string): void;
  /** Writes other answers to these keys, which stay. Rejects as `write` does: then they are still to be dropped. */
  replacing(keys: readonly string[], write: () => Promise<void>): Promise<void>;
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

  function drop(key: string): void {
    if (dropping.has(key)) return;
    dropping.add(key);
    void dropAtLast(key);
  }

  return {
    drop,
    async replacing(keys, replace) {
      const dropped = keys.filter((key) => dropping.delete(key));
      try {
        await replace();
      } catch (error) {
        for (const key of dropped) drop(key);
        throw error;
      }
    },
  };
}
