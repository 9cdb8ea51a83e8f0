import { expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import * as v from "valibot";
import { newFolder } from "./support.ts";

setDefaultTimeout(60_000);

const Observed = v.object({ appends: v.number(), fsyncs: v.number(), ticks: v.number() });
const Observation = v.object({ alone: Observed, together: Observed });

test("a disk with an fsync of 20 ms holds up who waits for it, shared, and never the event loop", async () => {
  using folder = newFolder();
  const library = join(folder.path, "slow.so");
  await run(["gcc", "-shared", "-fPIC", "-O2", "-o", library, join(import.meta.dir, "slow-fsync.c")]);
  const log = join(folder.path, "fsyncs");
  const program = join(import.meta.dir, "slow-disk-program.ts");
  const printed = await run([process.execPath, program, join(folder.path, "spool"), log], {
    LD_PRELOAD: library,
    FSYNC_LOG: log,
  });
  const { alone, together } = v.parse(Observation, JSON.parse(printed));

  // Nothing is acknowledged that was not fsynced.
  expect(alone.fsyncs).toBeGreaterThanOrEqual(alone.appends);
  expect(together.fsyncs).toBeLessThan(together.appends / 20);
  // A loop that waited for the disk itself would turn about once an fsync.
  expect(alone.ticks / alone.fsyncs).toBeGreaterThan(4);
});

async function run(command: string[], env: Record<string, string> = {}): Promise<string> {
  const child = Bun.spawn(command, { stdin: "ignore", stderr: "inherit", env: { ...process.env, ...env } });
  const [text, code] = await Promise.all([child.stdout.text(), child.exited]);
  if (code !== 0) throw new Error(`${command[0]} ended with ${code}`);
  return text;
}
