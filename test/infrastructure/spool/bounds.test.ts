import { expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { waitUntil } from "../../helpers/wait.ts";
import { chunk, delivered, id, newFolder, open } from "./support.ts";

setDefaultTimeout(60_000);

const MIB = 1024 ** 2;

/** What the spool's files take on the disk. */
const sizeOf = (folder: string): number =>
  readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);

test("when all is settled and nothing comes, the files shrink", async () => {
  using folder = newFolder();
  await using opened = await open(folder.path);
  const { spool } = opened;
  const numbers = Array.from({ length: 40 }, (_, index) => index + 1);
  for (const number of numbers) await spool.append([chunk(number, 1, MIB)]);
  expect(sizeOf(folder.path)).toBeGreaterThan(40 * MIB);
  spool.settle(numbers.map((number) => delivered(number)));
  await waitUntil(
    () => (sizeOf(folder.path) < MIB ? true : undefined),
    30_000,
    () => new Error(`still ${sizeOf(folder.path)} bytes`),
  );
  expect(spool.status()).toMatchObject({ records: 0, bytes: 40 * 32 });
});

test("while chunks come and go, the files stay small", async () => {
  using folder = newFolder();
  await using opened = await open(folder.path);
  const { spool } = opened;
  for (let number = 1; number <= 120; number++) {
    await spool.append([chunk(number, 1, MIB)]);
    spool.settle([delivered(number)]);
  }
  expect(sizeOf(folder.path)).toBeLessThan(64 * MIB);
});

test("the outcomes of the newest 100,000 events stay, and no more", async () => {
  using folder = newFolder();
  const many = 40_000;
  {
    await using opened = await open(folder.path);
    for (let number = 1; number <= 4; number++) {
      await opened.spool.append([chunk(number, many, 1)]);
      opened.spool.settle([delivered(number, many)]);
    }
  }
  await using again = await open(folder.path);
  const known = await Promise.all(
    [1, 2, 3, 4].map(async (number) => (await again.spool.find(id(number, 9)))?.status),
  );
  expect(known).toEqual([undefined, undefined, "delivered", "delivered"]);
  expect(again.spool.status().bytes).toBe(2 * many * 32);
});

test("refused records stay, until newer ones need the tenth of the limit that is theirs", async () => {
  using folder = newFolder();
  await using opened = await open(folder.path, 10 * MIB);
  const { spool, log } = opened;
  const refused = (number: number) => ({
    id: id(number),
    code: 2,
    text: "no",
    bytes: new Uint8Array(MIB / 4),
  });
  spool.refuse([1, 2, 3, 4].map(refused));
  await spool.append([chunk(1)]);
  expect([log, spool.status().bytes]).toEqual([[], MIB + 412]);
  spool.refuse([refused(5), refused(6)]);
  await spool.append([chunk(2)]);
  expect(spool.status().bytes).toBe(MIB + 2 * 412);
  expect(log).toMatchObject([{ level: "error", fields: { count: 2 } }]);
});

test("answers to idempotency keys stay over a restart, and go by their age", async () => {
  using folder = newFolder();
  const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
  {
    await using opened = await open(folder.path);
    const { spool } = opened;
    await Promise.all([spool.putAnswer("old", bytes("a"), 1000), spool.putAnswer("new", bytes("b"), 2000)]);
    await spool.putAnswer("new", bytes("bb"), 2001);
    spool.forgetAnswers(2000);
  }
  await using again = await open(folder.path);
  expect(await again.spool.findAnswer("old")).toBeUndefined();
  expect(await again.spool.findAnswer("new")).toEqual(bytes("bb"));
  expect(again.spool.status().bytes).toBe("newbb".length);
});

test("close writes what was given, and a spool that is closed takes nothing", async () => {
  using folder = newFolder();
  const { spool } = await open(folder.path);
  const written = spool.append([chunk(1), chunk(2)]);
  spool.settle([delivered(1)]);
  await Promise.all([spool.close(), spool.close()]);
  await written;
  await expect(spool.append([chunk(3)])).rejects.toMatchObject({ reason: "closed" });
  await expect(spool.read(2)).rejects.toMatchObject({ reason: "unreadable" });
  expect(spool.status()).toMatchObject({ open: false });
  await using again = await open(folder.path);
  expect(again.found).toMatchObject([{ chunks: [{ number: 2 }], last: 2 }]);
});
