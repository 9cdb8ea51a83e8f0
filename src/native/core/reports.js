// Turns a table of delivery reports into upstream's report objects and calls the listener for each.
// In JavaScript, since building the objects through Node-API costs twice as much (1.9 against 1.0 us a report).
(function () {
  const COLUMNS = 10;
  // A listener that throws must neither lose the reports behind it nor go unseen.
  const throwLater = (error) =>
    setImmediate(() => {
      throw error;
    });
  const bytes = (pool, offset, length) => (offset < 0 ? null : Buffer.copyBytesFrom(pool, offset, length));

  return function deliver(listener, table, count, topics, slots, pool, withValue) {
    for (let i = 0; i < count; i++) {
      const at = i * COLUMNS;
      const code = table[at];
      const report = {
        topic: topics[table[at + 1]],
        partition: table[at + 2],
        offset: table[at + 3],
        key: pool === undefined ? null : bytes(pool, table[at + 6], table[at + 7]),
      };
      const slot = table[at + 5];
      if (slot >= 0) {
        report.opaque = slots[slot];
        slots[slot] = undefined;
      }
      if (table[at + 4] > -1) report.timestamp = table[at + 4];
      if (withValue) report.value = pool === undefined ? null : bytes(pool, table[at + 8], table[at + 9]);
      report.size = table[at + 9];
      try {
        listener(code === 0 ? null : code, report);
      } catch (error) {
        throwLater(error);
      }
    }
  };
})();
