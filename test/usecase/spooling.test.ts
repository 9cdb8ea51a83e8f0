import { expect, test } from "bun:test";

import { STORED } from "../../src/domain/outcomes.ts";
import type { LogFields } from "../../src/domain/logger.ts";
import {
  type Chunk,
  type FoundChunk,
  type Journal,
  type KeyClaim,
  type SettledChunk,
  SpoolError,
  type SpoolFile,
} from "../../src/domain/spool.ts";
import { createClaims, type EventClaim } from "../../src/usecase/claims.ts";
import { createSpooling, type SpoolingOptions } from "../../src/usecase/spooling.ts";

const NONE = new Uint8Array(0);

test("always: it writes from the start, and all who ask at one moment share one commit", async () => {
  const { spooling, file, journal } = await start({ mode: "always" });
  expect(spooling.writing).toBeTrue();
  journal.written.push(chunk(1));
  const [first, second] = [spooling.stored(), spooling.stored()];
  expect(await Promise.all([first, second])).toEqual([undefined, undefined]);
  expect(file.appended).toEqual([[1]]);
});

test("what is written while a commit is under way makes up the next one", async () => {
  const { spooling, file, journal } = await start({ mode: "always" });
  const commit = file.holdNext();
  journal.written.push(chunk(1));
  const first = spooling.stored();
  await Bun.sleep(5);
  journal.written.push(chunk(3));
  const second = spooling.stored();
  journal.written.push(chunk(5));
  const third = spooling.stored();
  expect(file.appended).toEqual([[1]]);
  commit.resolve();
  await Promise.all([first, second, third]);
  expect(file.appended).toEqual([[1], [3, 5]]);
});

test("what the disk does not take is said to everyone who waits for it, and is in no chunk any more", async () => {
  const { spooling, file, journal } = await start({ mode: "always" });
  file.failWith = new SpoolError("full", "the disk is full; make room");
  // The core's buffers are Node's.
  journal.written.push(chunk(1), { ...chunk(2), alone: true, keys: Buffer.from(keysOf(7).buffer) });
  expect(await spooling.stored()).toMatchObject({
    code: "spool-unavailable",
    detail: "the disk is full; make room",
    retryAfter: 1,
  });
  expect(journal.dropped).toEqual([
    [1, []],
    [2, [7, 0, 0, 0]],
  ]);
});

test("a fault of the file's own is told as well, and the next commit goes on", async () => {
  const { spooling, file, journal } = await start({ mode: "always" });
  file.failWith = new RangeError("out of bounds");
  journal.written.push(chunk(1));
  expect(await spooling.stored()).toMatchObject({
    code: "spool-unavailable",
    detail: "RangeError: out of bounds",
    unsure: true,
  });
  file.failWith = undefined;
  journal.written.push(chunk(3));
  expect(await spooling.stored()).toBeUndefined();
});

test("of what is not stored is said whether it may be on disk all the same", async () => {
  const { spooling, file, journal } = await start({ mode: "always" });
  for (const unsure of [true, false]) {
    file.failWith = new SpoolError("unwritable", "the thread of the spool ended", unsure);
    journal.written.push(chunk(1));
    expect(await spooling.stored()).toMatchObject({ code: "spool-unavailable", unsure });
  }
});

test("always: while the disk takes nothing no promise is given, and it writes again when it can", async () => {
  const { spooling, file, lines } = await start({ mode: "always" });
  file.problem = "the disk is full";
  expect(spooling.required()).toMatchObject({ code: "spool-unavailable", detail: "the disk is full" });
  spooling.turn();
  expect(spooling.writing).toBeFalse();
  expect(lines).toContain("Spooling stopped: the spool takes no events");
  file.problem = undefined;
  spooling.turn();
  expect(spooling.writing).toBeTrue();
  expect(spooling.required()).toBeUndefined();
});

test("overflow: it writes, all of memory first, when an event has waited too long, and stops when none does", async () => {
  const { spooling, journal } = await start({ mode: "overflow" });
  journal.age = 15_000;
  spooling.turn();
  expect(spooling.writing).toBeFalse();
  journal.age++;
  spooling.turn();
  expect(spooling.writing).toBeTrue();
  expect(journal.spills).toBe(1);
  spooling.turn();
  expect(spooling.writing).toBeTrue();
  await spooling.stored();
  journal.age = 0;
  spooling.turn();
  expect(spooling.writing).toBeFalse();
});

test("overflow: it needs no disk to promise, and says whether the disk takes what memory does not hold", async () => {
  const { spooling, file } = await start({ mode: "overflow" });
  file.problem = "held by another process";
  expect(spooling.required()).toBeUndefined();
  expect(spooling.takes()).toBeFalse();
  expect(spooling.begin("memory is full")).toBeFalse();
  expect(await spooling.keep()).toMatchObject({ code: "spool-unavailable" });
  file.problem = undefined;
  expect(spooling.begin("memory is full")).toBeTrue();
});

test("what an earlier process left is replayed in order, and then counted", async () => {
  const found = [
    { number: 3, count: 2, keys: new Uint8Array([1, 0, 0, 0, 0, 0, 0, 0]) },
    { number: 4, count: 1, keys: new Uint8Array(4) },
  ];
  const { spooling, file, journal, replayed } = await start({ mode: "overflow", found });
  expect(spooling.writing).toBeTrue();
  expect(journal.next).toBe(5);
  expect(journal.behind).toEqual(found.map(({ keys }) => keys));
  spooling.turn();
  await Bun.sleep(1);
  expect(journal.replayed).toEqual([3, 4]);
  journal.ends.push(settled(3, [0, 0]), settled(4, [-196]));
  spooling.turn();
  expect(file.settled).toEqual([3, 4]);
  expect(replayed).toEqual([
    ["user_created", 2, []],
    ["user_created", 0, [[-196, 1]]],
  ]);
  spooling.turn();
  expect(spooling.writing).toBeFalse();
});

test("what memory holds is written part by part, and with each part the keys of what is in it", async () => {
  const { spooling, file, journal, claims } = await start({ mode: "overflow" });
  for (const number of [9, 7, 1]) claims.add(claim(`of ${number}`, number));
  journal.toSpill = [7, 8, 9].map((number) => [chunk(number)]);
  expect(await spooling.keep()).toBeUndefined();
  expect(file.appended).toEqual([[7], [8], [9]]);
  expect(file.claimed).toEqual([["of 7"], [], ["of 9"]]);
});

test("while memory has no room nothing is replayed", async () => {
  const found = [1, 2].map((number) => ({ number, count: 1, keys: NONE }));
  const { spooling, journal } = await start({ mode: "always", found });
  journal.hasRoom = false;
  spooling.turn();
  await Bun.sleep(1);
  expect(journal.replayed).toEqual([]);
  journal.hasRoom = true;
  spooling.turn();
  await Bun.sleep(1);
  expect(journal.replayed).toEqual([1, 2]);
});

test("no more is replayed at a time than Kafka takes in a moment", async () => {
  const found = Array.from({ length: 4 }, (_, i) => ({ number: i + 1, count: 3000, keys: NONE }));
  const { spooling, journal } = await start({ mode: "always", found });
  spooling.turn();
  await Bun.sleep(1);
  expect(journal.replayed).toEqual([1, 2]);
  journal.ends.push(settled(1, [0]));
  spooling.turn();
  await Bun.sleep(1);
  expect(journal.replayed).toEqual([1, 2, 3]);
});

test("chunks that are gone with a damaged file are counted as lost, said once, and free their keys", async () => {
  const found = [1, 2, 3, 4].map((number) => ({ number, count: number, keys: keysOf(number) }));
  const { spooling, file, journal, lines, lost } = await start({ mode: "always", found });
  file.lost.add(1).add(3);
  spooling.turn();
  await Bun.sleep(1);
  expect(journal.replayed).toEqual([2, 4]);
  expect(journal.dropped).toEqual([
    [1, [...keysOf(1)]],
    [3, [...keysOf(3)]],
  ]);
  expect(lost).toEqual([4]);
  expect(lines.filter((line) => line.startsWith("Events lost"))).toHaveLength(1);
  for (const number of [2, 4]) journal.ends.push(settled(number, [0]));
  spooling.turn();
  await Bun.sleep(1);
  expect(lost).toEqual([4]);
});

test("so are those that went to disk alone since", async () => {
  const { spooling, file, journal, lost } = await start({ mode: "overflow" });
  spooling.begin("memory is full");
  journal.written.push({ ...chunk(2), alone: true, keys: keysOf(7) });
  await spooling.stored();
  file.lost.add(2);
  spooling.turn();
  await Bun.sleep(1);
  expect(journal.dropped).toEqual([[2, [...keysOf(7)]]]);
  expect(lost).toEqual([1]);
  spooling.turn();
  expect(spooling.writing).toBeFalse();
});

test("a chunk that cannot be read at the moment is not passed by, and is tried again in a later turn", async () => {
  const found = [1, 2].map((number) => ({ number, count: 1, keys: keysOf(number) }));
  const { spooling, file, journal, lost } = await start({ mode: "overflow", found });
  file.unreadable = true;
  spooling.turn();
  await Bun.sleep(1);
  expect(journal.replayed).toEqual([]);
  expect(journal.dropped).toEqual([]);
  spooling.turn();
  expect(spooling.writing).toBeTrue();
  await Bun.sleep(1);
  file.unreadable = false;
  spooling.turn();
  await Bun.sleep(1);
  expect(journal.replayed).toEqual([1, 2]);
  expect(lost).toEqual([]);
});

test("of a file that is opened again only what this process does not have is given back", async () => {
  const found = [1, 2, 3].map((number) => ({ number, count: 3000, keys: keysOf(number) }));
  const { spooling, file, journal, reopen } = await start({ mode: "always", found });
  spooling.turn();
  await Bun.sleep(1);
  expect(journal.replayed).toEqual([1, 2]);
  journal.written.push(chunk(11), { ...chunk(12), alone: true, keys: keysOf(12) }, chunk(13));
  await spooling.stored();
  file.failWith = new SpoolError("unwritable", "the thread of the spool ended");
  journal.written.push({ ...chunk(14), alone: true, keys: keysOf(14) });
  await spooling.stored();
  file.failWith = undefined;
  journal.ends.push({ ...settled(13, [0]), replayed: false });
  spooling.turn();
  await Bun.sleep(1);
  const seen = journal.behind.length;
  const again = [...found, ...[11, 12, 14].map((number) => ({ number, count: 1, keys: keysOf(number) }))];
  reopen(again, 14);
  expect(journal.behind.slice(seen)).toEqual([keysOf(14)]);
  for (const number of [1, 2]) journal.ends.push(settled(number, [0]));
  spooling.turn();
  await Bun.sleep(1);
  expect(journal.replayed).toEqual([1, 2, 3, 12, 14]);
});

test("what memory has of a file that was given up is written to the next one, once", async () => {
  const found = [1, 2].map((number) => ({ number, count: 3000, keys: keysOf(number) }));
  const { spooling, file, journal, lost, reopen } = await start({ mode: "always", found });
  spooling.turn();
  await Bun.sleep(1);
  journal.written.push(chunk(11), { ...chunk(12), alone: true, keys: keysOf(12) }, chunk(13));
  await spooling.stored();
  const commit = file.holdNext();
  journal.written.push(chunk(15));
  const stored = spooling.stored();
  await Bun.sleep(5);
  const [spills, before] = [journal.spills, journal.dropped.length];
  reopen([{ number: 13, count: 1, keys: keysOf(13) }], 13);
  expect(journal.dropped.slice(before)).toEqual([1, 2, 11].map((number) => [number, []]));
  expect(journal.spills).toBe(spills + 1);
  expect(lost).toEqual([]);
  journal.toSpill = [[chunk(1), chunk(2), chunk(11)]];
  commit.resolve();
  expect(await stored).toBeUndefined();
  await spooling.stored();
  expect(file.appended.slice(-2)).toEqual([[15], [1, 2, 11]]);
  reopen(
    [1, 2, 11, 13, 15].map((number) => ({ number, count: 1, keys: keysOf(number) })),
    15,
  );
  expect(journal.dropped).toHaveLength(before + 3);
});

test("a chunk that is not what was written, or no records, is set aside, counted as lost, and holds up none behind it", async () => {
  const found = [1, 2, 3].map((number) => ({ number, count: number, keys: keysOf(number) }));
  const { spooling, file, journal, lines, lost } = await start({ mode: "always", found });
  file.broken.add(1);
  journal.garbage = 2;
  spooling.turn();
  await Bun.sleep(1);
  expect(journal.replayed).toEqual([3]);
  expect(file.aside).toEqual([1, 2]);
  expect(journal.dropped).toEqual([
    [1, [...keysOf(1)]],
    [2, [...keysOf(2)]],
  ]);
  expect(lost).toEqual([1, 2]);
  expect(lines.filter((line) => line.startsWith("Events lost"))).toHaveLength(2);
});

test("a promised event that Kafka refuses for good is put aside, with a line", async () => {
  const { spooling, file, journal, lines } = await start({ mode: "always" });
  journal.refusals.push({ id: new Uint8Array(8), code: 10, text: "too large", bytes: NONE });
  spooling.turn();
  expect(file.refused).toEqual([10]);
  expect(lines).toContain("Event put aside: Kafka refused it for good");
});

test("what a failed commit left in memory alone is written with the next wish to keep it", async () => {
  const { spooling, file, journal } = await start({ mode: "always" });
  expect(journal.spills).toBe(1);
  await spooling.keep();
  expect(journal.spills).toBe(1);
  file.failWith = new SpoolError("full", "the disk is full; make room");
  journal.written.push(chunk(1));
  await spooling.stored();
  file.failWith = undefined;
  expect(await spooling.keep()).toBeUndefined();
  expect(journal.spills).toBe(2);
});

test("who wants all of memory kept is not told so by a commit that follows the one that failed", async () => {
  const { spooling, file, journal } = await start({ mode: "always" });
  await spooling.keep();
  const held = file.holdNext();
  journal.written.push(chunk(1));
  void spooling.stored();
  await Bun.sleep(1);
  const kept = spooling.keep();
  journal.toSpill.push([chunk(1)]);
  held.reject(new SpoolError("full", "the disk is full; make room"));
  expect(await kept).toBeUndefined();
  expect(journal.spills).toBe(2);
  expect(file.appended).toEqual([[1], [1]]);
});

test("overflow: memory that is being written is written to its end, though Kafka keeps up", async () => {
  const { spooling, file, journal } = await start({ mode: "overflow" });
  journal.toSpill.push([chunk(1)], [chunk(2)]);
  const kept = spooling.keep();
  spooling.turn();
  expect(spooling.writing).toBeTrue();
  expect(await kept).toBeUndefined();
  expect(file.appended).toEqual([[1], [2]]);
  spooling.turn();
  expect(spooling.writing).toBeFalse();
});

test("who wants memory kept is told why it is not, when the disk takes nothing more in the middle of it", async () => {
  const { spooling, file, journal } = await start({ mode: "overflow" });
  journal.toSpill.push([chunk(1)], [chunk(2)]);
  const held = file.holdNext();
  const kept = spooling.keep();
  await Bun.sleep(1);
  file.problem = "the disk is full";
  spooling.turn();
  expect(spooling.writing).toBeFalse();
  held.resolve();
  expect(await kept).toMatchObject({ code: "spool-unavailable", detail: "the disk is full" });
});

test("at the end of the process nothing is read from disk any more", async () => {
  const found = [{ number: 1, count: 1, keys: NONE }];
  const { spooling, journal } = await start({ mode: "overflow", found });
  expect(await spooling.keepAll()).toBeUndefined();
  spooling.turn();
  await Bun.sleep(1);
  expect(journal.replayed).toEqual([]);
});

test("a key goes to disk with the commit of its event, and where that fails with the next one", async () => {
  const { spooling, file, journal, claims } = await start({ mode: "overflow" });
  claims.add(claim("in memory", 1));
  claims.add(claim("answered", 1));
  claims.end("answered");
  spooling.begin("memory is full");
  journal.written.push(chunk(1));
  await spooling.stored();
  file.failWith = new SpoolError("full", "the disk is full; make room");
  claims.add(claim("not written", 3));
  journal.written.push(chunk(3));
  expect(await spooling.stored()).toMatchObject({ code: "spool-unavailable" });
  file.failWith = undefined;
  journal.written.push(chunk(1), { ...chunk(5), ids: chunk(3).ids });
  await spooling.keep();
  expect(file.claimed).toEqual([["in memory"], ["not written"]]);
});

test("what is settled of a chunk is written once a second, and whatever is at the end", async () => {
  const { spooling, file, journal, pass } = await start({ mode: "always" });
  journal.parts.push(settled(3, [0, STORED]));
  spooling.turn();
  spooling.turn();
  pass(1000);
  spooling.turn();
  expect(journal.looks).toEqual([false, false]);
  journal.parts.push(settled(5, [STORED, 0]));
  await spooling.close();
  expect(journal.looks.at(-1)).toBeTrue();
  expect(file.partly).toEqual([[3], [5]]);
});

test("what an earlier process had settled of a chunk is not counted again", async () => {
  const found = [{ number: 3, count: 1, keys: NONE }];
  const { spooling, file, journal, replayed } = await start({ mode: "overflow", found });
  file.outcomes = settled(3, [0, STORED, -196]).outcomes;
  spooling.turn();
  await Bun.sleep(1);
  journal.ends.push(settled(3, [0, 0, -196]));
  spooling.turn();
  expect(replayed).toEqual([["user_created", 1, []]]);
});

test("closing writes what is left first", async () => {
  const { spooling, file, journal } = await start({ mode: "always" });
  journal.written.push(chunk(1));
  await spooling.close();
  expect(file.appended).toEqual([[1]]);
  expect(file.closed).toBeTrue();
});

const chunk = (number: number): Chunk & { alone: boolean } => ({
  number,
  count: 1,
  bytes: NONE,
  keys: NONE,
  ids: idOf(number),
  alone: false,
});

/** The id hash of a chunk's one event. */
const idOf = (number: number): Uint8Array => new Uint8Array(BigUint64Array.of(BigInt(number)).buffer);

const keysOf = (hash: number): Uint8Array => new Uint8Array([hash, 0, 0, 0]);

function settled(number: number, codes: number[]): SettledChunk {
  const outcomes = new Uint8Array(24 * codes.length);
  const view = new DataView(outcomes.buffer);
  for (const [index, code] of codes.entries()) view.setInt16(24 * index + 20, code, true);
  return { number, replayed: true, topics: ["events"], types: ["user_created"], outcomes };
}

const claim = (key: string, ofChunk: number): EventClaim => ({
  key,
  answer: Buffer.from(key),
  at: 0,
  events: idOf(ofChunk),
});

/** Spooling on fakes that write down what is asked of them. */
async function start({ mode, found = [] }: { mode: SpoolingOptions["mode"]; found?: FoundChunk[] }) {
  let clock = 0;
  let reopen: Parameters<SpoolingOptions["open"]>[0] = () => {};
  const lines: string[] = [];
  const replayed: unknown[] = [];
  const lost: number[] = [];
  const note = (_: LogFields, msg: string) => void lines.push(msg);
  const [file, journal, claims] = [new FakeFile(), new FakeJournal(), createClaims()];
  const spooling = await createSpooling({
    mode,
    journal,
    claims,
    async open(onOpen) {
      reopen = onOpen;
      onOpen(found, found.at(-1)?.number ?? 0);
      return file;
    },
    hasRoom: () => journal.hasRoom,
    deliveryTimeout: 15_000,
    replayed: (type, delivered, failures) => void replayed.push([type, delivered, [...failures]]),
    lost: (events) => void lost.push(events),
    logger: { debug: note, info: note, warn: note, error: note },
    now: () => clock,
  });
  return {
    spooling,
    file,
    journal,
    claims,
    lines,
    lost,
    replayed,
    reopen,
    pass: (ms: number) => (clock += ms),
  };
}

class FakeFile implements SpoolFile {
  appended: number[][] = [];
  claimed: string[][] = [];
  settled: number[] = [];
  refused: number[] = [];
  outcomes: Uint8Array | undefined;
  lost = new Set<number>();
  broken = new Set<number>();
  failWith: Error | undefined;
  problem: string | undefined;
  closed = false;
  #held: PromiseWithResolvers<void> | undefined;

  holdNext(): PromiseWithResolvers<void> {
    this.#held = Promise.withResolvers<void>();
    return this.#held;
  }

  async append(chunks: readonly Chunk[], claims: readonly KeyClaim[] = []): Promise<void> {
    // The buffers are given away.
    for (const { keys } of chunks)
      if (keys.length > 0 && keys.buffer instanceof ArrayBuffer) keys.buffer.transfer();
    if (this.failWith) throw this.failWith;
    this.claimed.push(claims.map(({ key }) => key));
    this.appended.push(chunks.map(({ number }) => number));
    const held = this.#held;
    this.#held = undefined;
    await held?.promise;
  }

  settle: SpoolFile["settle"] = (outcomes) => void this.settled.push(...outcomes.map(({ number }) => number));
  refuse: SpoolFile["refuse"] = (refused) => void this.refused.push(...refused.map(({ code }) => code));
  partly: number[][] = [];
  settlePartly: SpoolFile["settlePartly"] = (chunks) =>
    void this.partly.push(chunks.map(({ number }) => number));
  unreadable = false;
  read = async (number: number) => {
    if (this.unreadable) throw new SpoolError("unreadable", "disk I/O error");
    if (this.lost.has(number)) return undefined;
    return { bytes: NONE, outcomes: this.outcomes, intact: !this.broken.has(number) };
  };
  aside: number[] = [];
  setAside: SpoolFile["setAside"] = (numbers) => void this.aside.push(...numbers);
  find = async () => undefined;
  findTogether = async () => [];
  putAnswer = async () => {};
  dropAnswer = () => {};
  findAnswer = async () => undefined;
  forgetAnswers = () => {};
  status = () => ({
    open: true,
    ...(this.problem === undefined ? {} : { problem: this.problem }),
    bytes: 0,
    records: 0,
  });
  hasRoom = () => this.problem === undefined;
  close = async () => void (this.closed = true);
}

class FakeJournal implements Journal {
  written: ReturnType<Journal["take"]> = [];
  dropped: [number, number[]][] = [];
  behind: Uint8Array[] = [];
  replayed: number[] = [];
  ends: SettledChunk[] = [];
  parts: SettledChunk[] = [];
  looks: boolean[] = [];
  refusals: ReturnType<Journal["refused"]> = [];
  spills = 0;
  age = 0;
  /** Part by part. */
  toSpill: ReturnType<Journal["take"]>[] = [];
  hasRoom = true;
  next: number | undefined;

  write(on: boolean, next?: number): void {
    this.next = next ?? this.next;
    if (!on) this.toSpill = [];
  }
  take = () => [...this.written.splice(0), ...(this.toSpill.shift() ?? [])];
  spill = () => void this.spills++;
  drop: Journal["drop"] = (chunks) =>
    void this.dropped.push(...chunks.map(({ number, keys }): [number, number[]] => [number, [...keys]]));
  addBehind: Journal["addBehind"] = (keys) => void this.behind.push(keys);
  garbage: number | undefined;
  replay: Journal["replay"] = (_, number) => {
    if (number === this.garbage) return false;
    this.replayed.push(number);
    return true;
  };
  settled = () => this.ends.splice(0);
  partlySettled: Journal["partlySettled"] = (all) => {
    this.looks.push(all);
    return this.parts.splice(0);
  };
  refused = () => this.refusals.splice(0);
  status = () => ({ age: this.age, behind: 0, spilling: this.toSpill.length > 0 });
}
