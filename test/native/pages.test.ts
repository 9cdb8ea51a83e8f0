import { expect, test } from "bun:test";
import { readFile } from "node:fs/promises";

import { releaseCode } from "../../src/infrastructure/kafka/core.ts";
import { deliver, MOCK } from "./support.ts";

/** Resident bytes of mapped files: proc_pid_status(5). */
async function residentFiles(): Promise<number> {
  const [, kilobytes] = /^RssFile:\s+(\d+) kB$/m.exec(await readFile("/proc/self/status", "utf8")) ?? [];
  return Number(kilobytes) * 1024;
}

test("code is taken out of memory, and comes back where it runs", async () => {
  await deliver(MOCK);
  const before = await residentFiles();
  const code = releaseCode();
  expect(code).toBeGreaterThan(10_000_000);
  expect(await residentFiles()).toBeLessThan(before - 5_000_000);
  await deliver(MOCK);
});
