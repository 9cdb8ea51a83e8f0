import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { chunk, delivered, newFolder, open } from "../infrastructure/spool/support.ts";

// How many events a second the spool's file takes: `bun test/bench/spool.ts --events 100 --inFlight 32`.
// Each chunk is settled when it is written, as it is while Kafka keeps up; with `--keep` none is.

const { values } = parseArgs({
  options: {
    events: { type: "string", default: "100" },
    inFlight: { type: "string", default: "64" },
    seconds: { type: "string", default: "5" },
    keep: { type: "boolean", default: false },
  },
});
const [events, inFlight, seconds] = [Number(values.events), Number(values.inFlight), Number(values.seconds)];

using folder = newFolder();
await using opened = await open(folder.path, 8 * 1024 ** 3);
const { spool } = opened;
const model = { ...chunk(1, events), bytes: Buffer.from(Array.from({ length: events }, event).join("")) };
let [number, written] = [0, 0];
const waits: number[] = [];

/** About as much as a structured event takes, and as like to its neighbours. */
function event(_: unknown, index: number): string {
  const data = { user_id: crypto.randomUUID(), seats: index % 30, price: Math.random() * 1000, active: true };
  const id = `user_created_20260101120000_${crypto.randomUUID().slice(24)}`;
  const envelope = {
    specversion: "1.0",
    id,
    source: "sidepost",
    type: "user_created",
    time: new Date(),
    data,
  };
  return `user.events user_created ${id} content-type application/cloudevents+json ${JSON.stringify(envelope)}`;
}

async function client(until: number): Promise<void> {
  while (performance.now() < until) {
    const begin = performance.now();
    const { bytes, keys, ids } = model;
    const mine = {
      number: ++number,
      count: events,
      bytes: bytes.slice(),
      keys: keys.slice(),
      ids: ids.slice(),
    };
    await spool.append([mine]);
    waits.push(performance.now() - begin);
    written += events;
    if (!values.keep) spool.settle([delivered(mine.number, events)]);
  }
}

const begin = performance.now();
const cpu = process.cpuUsage();
await Promise.all(Array.from({ length: inFlight }, () => client(begin + seconds * 1000)));
const took = (performance.now() - begin) / 1000;
const { user, system } = process.cpuUsage(cpu);
const sizes = readdirSync(folder.path).map((name) => `${name} ${statSync(join(folder.path, name)).size}`);
waits.sort((a, b) => a - b);
console.log(
  `${Math.round(written / took)} events/s, ${Math.round(number / took)} chunks/s,`,
  `append p50 ${waits[waits.length >> 1]?.toFixed(1)} ms, p99 ${waits[Math.floor(waits.length * 0.99)]?.toFixed(1)} ms,`,
  `CPU ${((user + system) / 1e6 / took).toFixed(2)} cores, RSS ${Math.round(process.memoryUsage.rss() / 1e6)} MB; ${sizes.join(", ")}`,
);
