import { atLeast, atMost, type Target } from "./figure.ts";

/** One way to post events. */
export interface Post {
  name: string;
  path: string;
  headers: Record<string, string>;
  contentType: string;
  body: string;
  /** Events in one body. */
  events: number;
  /** The status that says all of them were taken. */
  status: number;
}

/** The same, and what it should cost. */
export interface Load extends Post {
  /** Of sidepost's rate, as a part of a bare server's. */
  rate: Target;
  /** CPU microseconds for one event, all threads. */
  cpu: Target;
}

const JSON_TYPE = "application/json";
const NDJSON_TYPE = "application/x-ndjson";

/** Bytes of one posted event: a few members of each kind, as events have. */
const EVENT_SIZE = 250;
const BATCH_SIZE = 100;

const single = event({});
const batch = Array.from({ length: BATCH_SIZE }, () => event({ type: "user" }));

const singles = { contentType: JSON_TYPE, body: single, events: 1, path: "/api/v1/events/user" };
const batches = { path: "/api/v1/events", headers: {}, events: BATCH_SIZE, status: 200 };
const batchTargets = { rate: atLeast(0.5, "ratio"), cpu: atMost(1.6) };

/** A post that is answered when Kafka has the event. */
export const WAITING: Load = {
  ...singles,
  name: "waiting",
  headers: {},
  status: 201,
  rate: atLeast(0.35, "ratio"),
  cpu: atMost(32),
};

/** A post that is answered when the event is in memory. */
export const ASYNC: Load = {
  ...singles,
  name: "respond-async",
  headers: { Prefer: "respond-async" },
  status: 202,
  rate: atLeast(0.6, "ratio"),
  cpu: atMost(20),
};

/** Many events in one JSON array. */
export const JSON_BATCH: Load = {
  ...batches,
  ...batchTargets,
  name: `JSON batch of ${BATCH_SIZE}`,
  contentType: JSON_TYPE,
  body: `[${batch.join(",")}]`,
};

/** Many events, one a line. */
export const NDJSON_BATCH: Load = {
  ...batches,
  ...batchTargets,
  name: `NDJSON batch of ${BATCH_SIZE}`,
  contentType: NDJSON_TYPE,
  body: `${batch.join("\n")}\n`,
};

/** A few events in one transaction. A bare server has nothing like it. */
export const ATOMIC: Post = {
  name: "atomic batch of 10",
  path: "/api/v1/events?atomic=true",
  headers: {},
  contentType: JSON_TYPE,
  body: `[${batch.slice(0, 10).join(",")}]`,
  events: 10,
  status: 200,
};

/** A batch that is answered when its events are taken. */
export const ASYNC_BATCH: Load = {
  ...JSON_BATCH,
  name: `respond-async batch of ${BATCH_SIZE}`,
  headers: { Prefer: "respond-async" },
  status: 202,
};

export const LOADS = [WAITING, ASYNC, JSON_BATCH, NDJSON_BATCH];

function event(members: Record<string, string>): string {
  const data = {
    user_id: "9f1c7d52-4c0e-4f37-8f5e-2a6f2b7c1d90",
    email: "ada.lovelace@example.com",
    plan: "team",
    seats: 12,
    price: 249.5,
    active: true,
    tags: ["beta", "eu-west"],
    referrer: null,
    note: "",
  };
  const room = EVENT_SIZE - JSON.stringify({ ...members, data }).length;
  return JSON.stringify({ ...members, data: { ...data, note: "n".repeat(room) } });
}
