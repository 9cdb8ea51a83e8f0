import { expect, test } from "bun:test";
import type { ConsumedRecord } from "../helpers/consume.ts";
import type { Counts } from "./counts.ts";
import { reckon, tableOf } from "./reckoning.ts";

// What watches over the promises must see each way to break them.

const poster = (counts: Partial<Counts>): Counts => ({
  msg: "counts",
  poster: "app-1",
  posted: 4,
  answers: { delivered: 4 },
  notTaken: [],
  triedAgain: { unreachable: 2, draining: 1 },
  ...counts,
});

const record = (number: number, by = "app-1"): ConsumedRecord => ({
  topic: "t",
  partition: 0,
  offset: number,
  timestamp: 0,
  key: null,
  value: Buffer.from(JSON.stringify({ data: { poster: by, number } })),
  headers: [],
});

test("where every event that was taken is in Kafka once, nothing is lost or doubled", () => {
  expect(
    reckon(
      "well",
      [poster({})],
      [0, 1, 2, 3].map((number) => record(number)),
    ),
  ).toEqual({
    scenario: "well",
    posted: 4,
    delivered: 4,
    stored: 0,
    accepted: 0,
    refused: 0,
    reconnected: 2,
    "tried again": 1,
    "in Kafka": 4,
    lost: 0,
    doubled: 0,
    foreign: 0,
  });
});

test("an event that was taken and is not in Kafka is lost, also where one that was refused is there", () => {
  const counts = poster({
    answers: { stored: 2, "admission-closed": 1, "no answer": 1 },
    notTaken: [[1, 2]],
  });
  expect(reckon("lost", [counts], [record(0), record(1)])).toMatchObject({
    stored: 2,
    refused: 2,
    "in Kafka": 2,
    lost: 1,
  });
});

test("a second record of an event is counted as doubled, and one that nobody posted as foreign", () => {
  const records = [0, 1, 2, 3, 3, 4].map((number) => record(number)).concat(record(0, "app-2"));
  expect(reckon("more", [poster({})], records)).toMatchObject({
    lost: 0,
    doubled: 1,
    foreign: 2,
    "in Kafka": 4,
  });
});

test("the table has a line for each scenario", () => {
  const lines = ["one", "two"].map((scenario) => JSON.stringify(reckon(scenario, [poster({})], [])));
  const table = tableOf(`${lines.join("\n")}\n`).split("\n");
  expect(table).toHaveLength(3);
  expect(table[1]).toMatch(/^one +4 +4 +0 +0 +0 +2 +1 +0 +4 +0 +0$/);
});
