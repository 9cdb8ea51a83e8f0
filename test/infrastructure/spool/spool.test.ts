import { expect, test } from "bun:test";
import { claimedReceipts } from "../../../src/infrastructure/spool/receipts.ts";
import { STORED } from "../../../src/domain/outcomes.ts";
import { chunk, delivered, id, newFolder, open, outcomes } from "./support.ts";

test("what is appended is there after the file is opened again, in order", async () => {
  using folder = newFolder();
  {
    await using first = await open(`${folder.path}/made/on/the/way`);
    expect(first.found).toEqual([{ chunks: [], last: 0 }]);
    await Promise.all([first.spool.append([chunk(1), chunk(2, 3)]), first.spool.append([chunk(3)])]);
  }
  await using again = await open(`${folder.path}/made/on/the/way`);
  const keys = [chunk(1), chunk(2, 3), chunk(3)].map((it) => it.keys);
  expect(again.found).toMatchObject([
    { last: 3, chunks: keys.map((it, at) => ({ number: at + 1, keys: it })) },
  ]);
  expect((await again.spool.read(2))?.bytes).toEqual(chunk(2, 3).bytes);
  expect(again.spool.status()).toMatchObject({ open: true, records: 5, bytes: 5 * 412 });
});

test("a settled chunk is gone, and what became of its events is known, also after a restart", async () => {
  using folder = newFolder();
  {
    await using first = await open(folder.path);
    await first.spool.append([chunk(1, 3), chunk(2)]);
    first.spool.refuse([{ id: id(1, 2), code: 10, text: "too large", bytes: new Uint8Array(5) }]);
    first.spool.settle([
      outcomes(1, [{ offset: 7, timestamp: 1000, partition: 3 }, { partition: 1 }, { code: 10 }], ["orders"]),
    ]);
  }
  await using again = await open(folder.path);
  expect(again.found[0]).toMatchObject({ last: 2, chunks: [{ number: 2 }] });
  const { spool } = again;
  expect(await spool.read(1)).toBeUndefined();
  const position = { status: "delivered" as const, topic: "orders" };
  expect(await spool.find(id(1, 0))).toEqual({ ...position, partition: 3, offset: 7, timestamp: 1000 });
  expect(await spool.find(id(1, 1))).toEqual({ ...position, partition: 1, offset: null, timestamp: null });
  expect(await spool.find(id(1, 2))).toEqual({ status: "failed", code: 10, text: "too large" });
  expect(await spool.find(id(2))).toEqual({ status: "stored" });
  expect(await spool.find(id(3))).toBeUndefined();
  expect(spool.status()).toMatchObject({ records: 1, bytes: 412 + 3 * 32 + 5 });
});

test("what is settled of a chunk is known, and comes with its records after a restart", async () => {
  using folder = newFolder();
  const partly = outcomes(1, [{ offset: 7, timestamp: 1000 }, { code: STORED }, { code: 10 }], ["orders"]);
  const expected = partly.outcomes.slice();
  {
    await using first = await open(folder.path);
    await first.spool.append([chunk(1, 3), chunk(2)]);
    first.spool.settlePartly([partly]);
    expect(first.spool.status()).toMatchObject({ records: 2 });
  }
  await using again = await open(folder.path);
  expect(again.found[0]?.chunks).toMatchObject([
    { number: 1, count: 1 },
    { number: 2, count: 1 },
  ]);
  const { spool } = again;
  expect(spool.status()).toMatchObject({ records: 2 });
  expect(await spool.read(1)).toEqual({
    bytes: chunk(1, 3).bytes,
    outcomes: expected,
    intact: true,
  });
  expect(await spool.find(id(1, 0))).toMatchObject({ status: "delivered", topic: "orders", offset: 7 });
  expect(await spool.find(id(1, 1))).toEqual({ status: "stored" });
  expect(await spool.find(id(1, 2))).toMatchObject({ status: "failed", code: 10 });
  spool.settle([delivered(1, 3)]);
  await spool.append([chunk(3)]);
  expect(await spool.read(1)).toBeUndefined();
  expect(spool.status()).toMatchObject({ records: 2 });
});

test("what is settled of a chunk that is still on its way to the file comes behind it", async () => {
  using folder = newFolder();
  {
    await using first = await open(folder.path);
    const large = chunk(1, 1, 9 * 1024 * 1024);
    const written = [first.spool.append([large]), first.spool.append([chunk(2, 2)])];
    first.spool.settlePartly([outcomes(2, [{ offset: 1 }, { code: STORED }])]);
    await Promise.all(written);
  }
  await using again = await open(folder.path);
  expect(await again.spool.find(id(2, 0))).toMatchObject({ status: "delivered", offset: 1 });
});

test("a key is written with its events, and its answer takes its place", async () => {
  using folder = newFolder();
  const claim = (key: string) => ({ key, answer: Buffer.from(key), at: 1 });
  {
    await using first = await open(folder.path);
    await first.spool.append([chunk(1, 3)], [claim("a"), claim("b")]);
    await first.spool.putAnswer("a", Buffer.from("the answer"), 2);
  }
  await using again = await open(folder.path);
  expect(Buffer.from((await again.spool.findAnswer("a"))!).toString()).toBe("the answer");
  expect(Buffer.from((await again.spool.findAnswer("b"))!).toString()).toBe("b");
});

test("events that were taken together are found together", async () => {
  using folder = newFolder();
  await using opened = await open(folder.path);
  const { spool } = opened;
  const ids = (...indexes: number[]) => Buffer.concat(indexes.map((index) => id(1, index)));
  await spool.append([chunk(1, 4)]);
  spool.settlePartly([outcomes(1, [{}, { offset: 7 }, { code: STORED }, { code: STORED }])]);
  await spool.append([chunk(2)]);
  expect(await spool.findTogether(ids(1, 2))).toMatchObject([
    { status: "delivered", offset: 7 },
    { status: "stored" },
  ]);
  expect(await claimedReceipts(spool, (name) => id(9, Number(name)), ["1", "2"])).toEqual([
    { status: "stored", id: "1" },
    { status: "stored", id: "2" },
  ]);
});

test("of events that were taken together each is found where it is, also where some never came to disk", async () => {
  using folder = newFolder();
  await using opened = await open(folder.path);
  const { spool } = opened;
  await spool.append([chunk(1, 2), chunk(2, 2), chunk(3, 3)]);
  spool.refuse([
    { id: id(3, 2), code: 10, text: "too large", bytes: new Uint8Array(1) },
    { id: id(4), code: 2, text: "no", bytes: new Uint8Array(1) },
  ]);
  spool.settle([outcomes(3, [{ offset: 8 }, { offset: 9 }, { code: 10 }])]);
  spool.settlePartly([outcomes(1, [{ code: STORED }, { offset: 7 }])]);
  await spool.append([chunk(5)]);
  const events = [id(9), id(3, 2), id(3, 0), id(1, 1), id(2, 0), id(2, 0), id(4), id(8)];
  expect(await spool.findTogether(Buffer.concat(events))).toMatchObject([
    undefined,
    { status: "failed", code: 10, text: "too large" },
    { status: "delivered", offset: 8 },
    { status: "delivered", offset: 7 },
    { status: "stored" },
    { status: "stored" },
    { status: "failed", code: 2, text: "no" },
    undefined,
  ]);
});

test("of an event that is on disk twice the one that is not settled counts, then the newest", async () => {
  using folder = newFolder();
  await using opened = await open(folder.path);
  const { spool } = opened;
  const again = (number: number) => ({ ...chunk(number), ids: id(1) });
  await spool.append([chunk(1), again(2), again(3)]);
  spool.settle([outcomes(1, [{ offset: 1 }]), outcomes(2, [{ offset: 2 }])]);
  await spool.append([chunk(4)]);
  expect(await spool.findTogether(Buffer.concat([id(1), id(4)]))).toEqual([
    { status: "stored" },
    { status: "stored" },
  ]);
  spool.settle([outcomes(3, [{ offset: 3 }])]);
  await spool.append([chunk(5)]);
  expect(await spool.findTogether(Buffer.concat([id(1), id(4)]))).toMatchObject([
    { offset: 3 },
    { status: "stored" },
  ]);
});

test("a chunk that cannot be unpacked is not what was written, and the others can be read", async () => {
  using folder = newFolder();
  await using opened = await open(folder.path);
  const { spool } = opened;
  // It says that it is packed, and is not.
  const unpackable = { ...chunk(1), bytes: new Uint8Array([0x28, 0xb5, 0x2f, 0xfd, 8, 1, 2]) };
  await spool.append([unpackable, chunk(2)]);
  expect(await spool.read(1)).toMatchObject({ intact: false });
  expect((await spool.read(2))?.bytes).toEqual(chunk(2).bytes);
  expect(await spool.read(3)).toBeUndefined();
});

test("the highest number is known when nothing is left", async () => {
  using folder = newFolder();
  {
    await using first = await open(folder.path);
    await first.spool.append([chunk(41)]);
    first.spool.settle([delivered(41)]);
  }
  await using again = await open(folder.path);
  expect(again.found).toEqual([{ chunks: [], last: 41 }]);
});
