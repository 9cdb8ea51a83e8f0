import { expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { chunk, id, newFolder, open } from "./support.ts";

setDefaultTimeout(60_000);

const ROUNDS = 8;

test("a writer killed at any moment leaves everything that was acknowledged", async () => {
  using folder = newFolder();
  const acknowledged: number[] = [];
  let last = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const seen = await writeAndKill(folder.path, last + 1, Math.random() * 200);
    expect(seen.length).toBeGreaterThan(0);
    acknowledged.push(...seen);

    await using opened = await open(folder.path);
    const [found] = opened.found;
    if (found === undefined) throw new Error(opened.spool.status().problem);
    last = found.last;
    expect(last).toBeGreaterThanOrEqual(Math.max(...acknowledged));
    expect(found.chunks.map((it) => it.number)).toEqual(
      found.chunks.map((it) => it.number).toSorted((a, b) => a - b),
    );
    const unsettled = new Map(found.chunks.map((it) => [it.number, it.count]));
    for (const number of acknowledged) {
      const status = (await opened.spool.find(id(number)))?.status ?? "lost";
      if (number % 3 !== 0) expect([number, status]).toEqual([number, "stored"]);
      else expect(["stored", "delivered"]).toContain(status);
      if (status !== "stored") continue;
      expect(unsettled.get(number)).toBe(1 + (number % 5));
      expect((await opened.spool.read(number))?.bytes).toEqual(chunk(number, 1 + (number % 5)).bytes);
    }
  }
});

/** Runs the writer, and kills it this long after its first acknowledgement. Returns what it acknowledged. */
async function writeAndKill(folder: string, first: number, ms: number): Promise<number[]> {
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "writer.ts"), folder, String(first)], {
    stdin: "ignore",
    stderr: "inherit",
  });
  let text = "";
  let timer: Timer | undefined;
  for await (const part of child.stdout.pipeThrough(new TextDecoderStream())) {
    timer ??= setTimeout(() => child.kill("SIGKILL"), ms);
    text += part;
  }
  await child.exited;
  // A line that was cut is one that nobody was told of.
  return text.split("\n").slice(0, -1).map(Number);
}
