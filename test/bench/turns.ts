/** Runs one after the other, never at once: what is measured must have the machine to itself. */
export const inSequence = <T, R>(items: T[], run: (item: T) => Promise<R>): Promise<R[]> =>
  Array.fromAsync(items, run);

/** Runs `ours` and the yardstick in turn, so that both see the same drift of the machine: A B A B… */
export function inTurn<A, B>(
  rounds: number,
  ours: () => Promise<A>,
  yardstick: () => Promise<B>,
): Promise<[A, B][]> {
  return Array.fromAsync({ length: rounds }, async (): Promise<[A, B]> => [await ours(), await yardstick()]);
}
