import { expect, test } from "bun:test";
import type { ConsumedRecord } from "../helpers/consume.ts";
import { balance, type Facts } from "./ledger.ts";
import type { Posted, Receipt } from "./load.ts";
import { STYLES } from "./styles.ts";
import { faultsOf, tableOf } from "./table.ts";

// What watches over the promises must see each way to break them.

const id = (number: number) => `id-${number}`;

const event = (number: number, receipt?: Receipt, more: Partial<Posted> = {}): Posted => ({
  style: STYLES.async,
  poster: 1,
  number,
  key: "k",
  post: number,
  at: 1000 + number,
  ...(receipt === undefined ? {} : { receipt, status: 201, answeredAt: 1100 + number }),
  ...more,
});

const told = (status: "stored" | "accepted", number: number): Receipt => ({ status, id: id(number) });
const delivered = (number: number, offset: number): Receipt => ({
  status: "delivered",
  id: id(number),
  topic: "t",
  partition: 0,
  offset,
});

const record = (number: number, offset: number, more: Partial<ConsumedRecord> = {}): ConsumedRecord => ({
  topic: "t",
  partition: 0,
  offset,
  timestamp: 1000 + offset,
  key: null,
  value: Buffer.from(JSON.stringify({ id: id(number), data: { poster: 1, number } })),
  headers: [],
  ...more,
});

const life = {
  startedAt: 0,
  endedAt: 5000,
  brokenSince: 5000,
  killed: false,
  forgets: false,
  saidLost: new Set<string>(),
};
const judge = (facts: Partial<Facts>) => {
  const ledger = balance({ posted: [], records: [], lives: [life], ...facts });
  return { faults: faultsOf(ledger).map((fault) => fault.split(":", 1)[0]), ledger };
};

test("where every promise was kept there is no fault, whatever became of posts without an answer", () => {
  const posted = [event(0, delivered(0, 0)), event(1), event(2, told("accepted", 2)), event(3)];
  expect(judge({ posted, records: [record(0, 0), record(1, 1), record(2, 2)] }).faults).toEqual([]);
});

test.each(["delivered", "stored"] as const)(
  "an event that was %s and is not there is a fault, killed or not",
  (kind) => {
    const receipt = kind === "delivered" ? delivered(0, 0) : told(kind, 0);
    const lives = [{ ...life, killed: true, saidLost: new Set([id(0)]) }];
    expect(judge({ posted: [event(0, receipt)], lives }).faults).toEqual([`1 × ${kind} and lost`]);
  },
);

test("an accepted event may be lost where the process that held it was killed, or said so", () => {
  const posted = [event(0, told("accepted", 0))];
  const later = { ...life, startedAt: 6000, endedAt: 7000, brokenSince: 7000, killed: true };
  expect(judge({ posted }).faults).toEqual(["1 × accepted and lost without a word"]);
  expect(judge({ posted, lives: [life, later] }).faults).toEqual(["1 × accepted and lost without a word"]);
  expect(judge({ posted, lives: [{ ...life, killed: true }] }).faults).toEqual([]);
  const said = judge({ posted, lives: [{ ...life, saidLost: new Set([id(0)]) }] });
  expect(said.faults).toEqual([]);
  expect(tableOf(said.ledger)).toContain("lost as told");
});

test("a second record is a fault, unless a process ended just after the first and the next one wrote it again", () => {
  const posted = [event(0, told("stored", 0))];
  const twice = (first: number, again: number) =>
    judge({ posted, records: [record(0, 0, { timestamp: first }), record(0, 1, { timestamp: again })] });
  const doubled = ["1 × duplicated while the process lived"];
  expect(twice(1100, 1200).faults).toEqual(doubled);
  const old = life.endedAt - 3000;
  expect(twice(old, life.endedAt + 1).faults).toEqual(doubled);
  const replay = twice(life.endedAt - 10, life.endedAt + 1);
  expect(replay.faults).toEqual([]);
  expect(replay.ledger.accounts[0]?.replayed).toBe(1);
});

test("what was answered delivered comes again only after a process that could not write that down", () => {
  const posted = [{ ...event(0, delivered(0, 0)), answeredAt: life.endedAt - 1 }];
  const records = [
    record(0, 0, { timestamp: life.endedAt - 10 }),
    record(0, 1, { timestamp: life.endedAt + 1 }),
  ];
  expect(judge({ posted, records }).faults).toEqual(["1 × duplicated while the process lived"]);
  expect(judge({ posted, records, lives: [{ ...life, forgets: true }] }).faults).toEqual([]);
});

test("events of a key in another order than that of their posts are a fault, and so is a second partition", () => {
  const posted = [event(0, told("accepted", 0)), event(1, told("accepted", 1))];
  expect(judge({ posted, records: [record(1, 0), record(0, 1)] }).faults).toEqual(["1 × out of order"]);
  const elsewhere = [record(0, 0), record(1, 1, { partition: 1 })];
  expect(judge({ posted, records: elsewhere }).faults).toEqual(["1 × in another partition than its key"]);
});

test("a receipt that names another place or another id than the event has is a fault", () => {
  const posted = [event(0, delivered(0, 7))];
  expect(judge({ posted, records: [record(0, 0)] }).faults).toEqual(["1 × not where it was told to be"]);
  const other = [event(0, { ...delivered(0, 0), id: "another" })];
  expect(judge({ posted: other, records: [record(0, 0)] }).faults).toEqual(["1 × another id than was told"]);
});

test("a part of an atomic batch is a fault, and so is all of one that was refused", () => {
  const batch = (status: number) =>
    [0, 1].map((n) => event(n, undefined, { style: STYLES.atomic, post: 0, status }));
  const both = [record(0, 0), record(1, 1)];
  expect(judge({ posted: batch(504), records: [record(0, 0)] }).faults).toEqual([
    "2 × a part of an atomic batch",
  ]);
  expect(judge({ posted: batch(503), records: both }).faults).toEqual(["2 × atomic, refused and there"]);
  expect(judge({ posted: batch(503) }).faults).toEqual([]);
  expect(judge({ posted: batch(504), records: both }).faults).toEqual([]);
});

test("a record that nobody posted is a fault, and what went with a deleted topic is none", () => {
  expect(judge({ records: [record(0, 0)] }).faults).toEqual(["1 records that nobody posted"]);
  const posted = [event(0, delivered(0, 0))];
  expect(judge({ posted, deletedAt: { main: 1000 } }).faults).toEqual([]);
  expect(judge({ posted, deletedAt: { main: 999 } }).faults).toEqual(["1 × delivered and lost"]);
});
