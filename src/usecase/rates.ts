/** Sums that only grow, in bytes. */
export interface Flow {
  /** What came into the queue to Kafka. */
  taken: number;
  /** What left it. */
  delivered: number;
  /** What requests held until they were answered. */
  answered: number;
}

/** How fast the sums grow, in bytes a second. */
export interface Rates {
  /** To be called once a second. */
  sample(): void;
  /** Over the last ten samples; 0 before any time has passed. */
  read(): Flow;
}

export const WINDOW_SECONDS = 10;

/** Starts a window now. `now` is milliseconds of a monotonic clock. */
export function createRates(sums: () => Flow, now = () => performance.now()): Rates {
  const take = () => ({ at: now(), ...sums() });
  const samples = [take()];
  return {
    sample() {
      samples.push(take());
      if (samples.length > WINDOW_SECONDS) samples.shift();
    },
    read() {
      const [before, after] = [samples[0]!, take()];
      const rate = (name: keyof Flow) =>
        ((after[name] - before[name]) * 1000) / (after.at - before.at || Infinity);
      return { taken: rate("taken"), delivered: rate("delivered"), answered: rate("answered") };
    },
  };
}
