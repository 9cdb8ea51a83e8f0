import { statSync } from "node:fs";
import { chunk, open } from "./support.ts";

// What a slow disk does to the event loop, and how appends share its fsyncs. Prints one line of JSON.

const [folder = "", log = ""] = process.argv.slice(2);
const fsyncs = (): number => statSync(log, { throwIfNoEntry: false })?.size ?? 0;

const { spool } = await open(folder);

let ticks = 0;
const timer = setInterval(() => void ticks++, 1);

/** Runs appends, and says how many fsyncs and turns of the loop passed. */
async function observe(appends: () => Promise<unknown>): Promise<{ fsyncs: number; ticks: number }> {
  const before = { fsyncs: fsyncs(), ticks };
  await appends();
  return { fsyncs: fsyncs() - before.fsyncs, ticks: ticks - before.ticks };
}

const COUNT = 20;
const alone = await observe(async () => {
  for (let number = 1; number <= COUNT; number++) await spool.append([chunk(number)]);
});

const SHARERS = 200;
const ROUNDS = 5;
let next = COUNT + 1;
const together = await observe(() =>
  Promise.all(
    Array.from({ length: SHARERS }, async () => {
      for (let round = 0; round < ROUNDS; round++) await spool.append([chunk(next++)]);
    }),
  ),
);

clearInterval(timer);
await spool.close();
console.log(
  JSON.stringify({
    alone: { ...alone, appends: COUNT },
    together: { ...together, appends: SHARERS * ROUNDS },
  }),
);
