/** A bounded load on one sidepost. */
export interface Load {
  /** Resolves when the last post is answered. */
  stop(): Promise<void>;
}

const TICK_MS = 50;
/** Posts that wait for Kafka: an application has so many workers. */
const WORKERS = 200;
const ASYNC = { "content-type": "application/json", prefer: "respond-async" };
const WAITING = { "content-type": "application/json" };

/**
 * Posts some `rate` events a second until it is stopped: half of them without waiting for Kafka, a few in batches, and
 * now and then one that is wrong. The rate breathes by a third within a minute. A server that is not there is put up with.
 */
export function startLoad(url: string, rate: number): Load {
  const open = new Set<Promise<void>>();
  let due = 0;
  let ticks = 0;

  function post(path: string, body: string, headers: Record<string, string>): void {
    if (headers === WAITING && open.size >= WORKERS) return;
    const answer = fetch(`${url}/api/v1/events${path}`, { method: "POST", body, headers })
      .then((response) => response.bytes())
      .then(
        () => {},
        () => {},
      )
      .finally(() => open.delete(answer));
    open.add(answer);
  }

  const timer = setInterval(() => {
    ticks++;
    due += (rate * TICK_MS * (1 + Math.sin(ticks / 190) / 3)) / 1000;
    for (; due >= 1; due--) post(...single(ticks, due));
    if (ticks % 20 === 0) post("", BATCH, ASYNC);
    if (ticks % 70 === 0) post("/user", "{}", ASYNC);
  }, TICK_MS);
  return {
    async stop() {
      clearInterval(timer);
      await Promise.all(open);
    },
  };
}

const ORDER = { order_id: "456", amount: 100.5, note: "x".repeat(300) };
const BATCH = JSON.stringify(Array.from({ length: 20 }, () => ({ type: "payment", data: ORDER })));

const single = (tick: number, due: number): [path: string, body: string, headers: Record<string, string>] => [
  tick % 3 === 0 ? "/user" : "/order",
  JSON.stringify({ data: ORDER, key: `customer-${tick % 100}` }),
  Math.round(due) % 2 === 0 ? ASYNC : WAITING,
];
