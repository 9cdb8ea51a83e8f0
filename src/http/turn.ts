/**
 * Gathers items and hands over all of one turn of the event loop on the next. For what only matters about requests that
 * are not done by then: one setImmediate for all costs far less than a timer for each.
 */
export function nextTurn<Item>(flush: (items: Item[]) => void): (item: Item) => void {
  let items: Item[] = [];
  const run = (): void => {
    const taken = items;
    items = [];
    flush(taken);
  };
  return (item) => {
    if (items.push(item) === 1) setImmediate(run);
  };
}
