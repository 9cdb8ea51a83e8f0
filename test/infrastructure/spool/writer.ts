import { chunk, delivered, open } from "./support.ts";

// Appends numbered chunks, many at once, says of each when it is acknowledged, and holds the file until it is killed.
// Every third is settled then. Arguments: the folder, the first number, how many (endless without).

const [folder = "", first = "1", count = "Infinity"] = process.argv.slice(2);
const [from, end] = [Number(first), Number(first) + Number(count)];
const IN_FLIGHT = 16;

const { spool } = await open(folder);
let next = from;
async function client(): Promise<void> {
  while (next < end) {
    const number = next++;
    await spool.append([chunk(number, 1 + (number % 5))]);
    process.stdout.write(`${number}\n`);
    if (number % 3 === 0) spool.settle([delivered(number, 1 + (number % 5))]);
  }
}
await Promise.all(Array.from({ length: IN_FLIGHT }, client));
