import { expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { STORED } from "../../../src/domain/outcomes.ts";
import { spoolReceipts } from "../../../src/infrastructure/spool/receipts.ts";
import { chunk, id, newFolder, open, outcomes } from "./support.ts";

/** A file with three chunks, of which a part of the third is settled, and one bit changed, `skip` bytes after `where`. */
async function damagedFile(folder: string, where: Uint8Array, skip: number): Promise<void> {
  {
    await using first = await open(folder);
    await first.spool.append([chunk(1, 50), chunk(2, 50), chunk(3, 50)]);
    const stored = Array.from({ length: 49 }, () => ({ code: STORED }));
    first.spool.settlePartly([outcomes(3, [{ offset: 77 }, ...stored])]);
  }
  const path = join(folder, "spool.db");
  const bytes = readFileSync(path);
  const at = bytes.indexOf(where);
  expect(at).toBeGreaterThan(0);
  bytes[at + skip]! ^= 1;
  writeFileSync(path, bytes);
}

// Of a record's first bytes SQLite may leave a copy behind where it split a page.
const RECORDS = chunk(2, 50).bytes.subarray(10_000, 10_100);

test.each([
  ["records", RECORDS, 50],
  ["keys", chunk(2, 50).keys, 9],
  ["ids", chunk(2, 50).ids.subarray(0, 80), 3],
])(
  "one bit of a chunk's %s is enough to know it for damaged, and the others are not",
  async (_, where, skip) => {
    using folder = newFolder();
    await damagedFile(folder.path, where, skip);
    await using opened = await open(folder.path);
    const chunks = await Promise.all([1, 2, 3].map((number) => opened.spool.read(number)));
    expect(chunks.map((it) => it?.intact)).toEqual([true, false, true]);
  },
);

test("outcomes that are not what was written are not believed", async () => {
  using folder = newFolder();
  const offset = Buffer.alloc(8);
  offset.writeDoubleLE(77);
  await damagedFile(folder.path, offset, 1);
  await using opened = await open(folder.path);
  const read = await opened.spool.read(3);
  expect(read).toMatchObject({ intact: true });
  expect(read?.outcomes).toBeUndefined();
});

test("what is set aside stays in the file, is in no later process's way, and its events are known to be lost", async () => {
  using folder = newFolder();
  await damagedFile(folder.path, RECORDS, 50);
  {
    await using opened = await open(folder.path);
    opened.spool.setAside([2]);
    expect(opened.spool.status()).toMatchObject({ records: 99 });
  }
  await using again = await open(folder.path);
  const { spool, found } = again;
  expect(found[0]).toMatchObject({ last: 3, chunks: [{ number: 1 }, { number: 3 }] });
  expect(spool.status().bytes).toBe(3 * 50 * 412);
  expect(await spool.find(id(2, 7))).toEqual({ status: "damaged" });
  expect(await spoolReceipts(spool, () => id(2, 7)).find("a")).toMatchObject({
    status: "failed",
    error: { code: "delivery-abandoned" },
  });
});

test("what is set aside takes a tenth of the limit at most", async () => {
  using folder = newFolder();
  await using opened = await open(folder.path, 100 * 412 * 10);
  const { spool } = opened;
  await spool.append([chunk(1, 50), chunk(2, 50), chunk(3, 50)]);
  spool.setAside([1, 2, 3]);
  await spool.append([chunk(4)]);
  expect(spool.status().bytes).toBe(101 * 412);
  expect(await spool.find(id(1))).toBeUndefined();
  expect(await spool.find(id(3))).toEqual({ status: "damaged" });
});
