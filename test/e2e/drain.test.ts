import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { createConnection } from "node:net";
import { text } from "node:stream/consumers";
import { consume } from "../helpers/consume.ts";
import { type SharedKafka, sharedKafka } from "../helpers/kafka.ts";
import { freePorts } from "../helpers/ports.ts";
import type { Sidepost } from "../helpers/process.ts";
import { waitUntil } from "../helpers/wait.ts";
import {
  type Answer,
  ask,
  ASYNC,
  idOf,
  idsOf,
  metricsOf,
  MINUTE,
  newTopic,
  post,
  startOn,
} from "./support.ts";

setDefaultTimeout(MINUTE);

let kafka: SharedKafka;
beforeAll(async () => {
  kafka = await sharedKafka();
}, MINUTE);
afterAll(() => kafka[Symbol.asyncDispose]());

/** Time for words after the signal: the drain goes on taking events until none has come for two seconds. */
const PATIENT = { SERVER_SHUTDOWN_TIMEOUT: "20s" };
/** Events stay in the queue until it is flushed, however many there are: what was taken is in flight at the signal. */
const HELD_BACK = {
  RDKAFKA_LINGER_MS: "60000",
  RDKAFKA_BATCH_NUM_MESSAGES: "1000000",
  RDKAFKA_BATCH_SIZE: "2147483647",
};

const BATCH = Array.from({ length: 100 }, (_, number) => ({ type: "user", data: number }));

/** Posts `requests` of them one after the other on each of `connections`, and returns the ids of every 2xx. */
async function load(connections: number, requests: number, send: () => Promise<Answer>): Promise<string[]> {
  const connection = async (): Promise<string[]> => {
    const ids: string[] = [];
    for (let request = 0; request < requests; request++) {
      const answer = await send();
      expect(answer.status).toBeWithin(200, 300);
      ids.push(...idsOf(answer));
    }
    return ids;
  };
  const perConnection = await Promise.all(Array.from({ length: connections }, connection));
  return perConnection.flat();
}

const queued = async (sidepost: Sidepost): Promise<number> => {
  const metrics = await metricsOf(sidepost);
  return metrics.get("producer_queue_messages")?.samples.get("producer_queue_messages") ?? 0;
};

/** Resolves when so many events are queued; throws when it is another number after 10 s. */
async function untilQueued(sidepost: Sidepost, count: number): Promise<true> {
  let last = 0;
  const check = async () => (last = await queued(sidepost)) === count || undefined;
  return waitUntil(check, 10_000, () => new Error(`${last} events are queued, not ${count}`));
}

test("with 10,000 events in flight at SIGTERM each is in Kafka exactly once, and who waits is answered", async () => {
  const topic = await newTopic(kafka, 3);
  await using sidepost = await startOn(kafka.bootstrap, topic, HELD_BACK);
  const accepted = await Promise.all([
    load(10, 400, () => post(sidepost, "/order", { data: {} }, ASYNC)),
    load(5, 10, () => post(sidepost, "", BATCH, ASYNC)),
  ]);
  const waiting = load(10, 1, () => post(sidepost, "", BATCH));
  await untilQueued(sidepost, 10_000);
  expect(await consume(kafka.bootstrap, topic)).toEqual([]);
  sidepost.kill();

  const ids = [...accepted.flat(), ...(await waiting)];
  expect(ids).toHaveLength(10_000);
  expect(await sidepost.exited).toBe(0);
  const records = await consume(kafka.bootstrap, topic);
  expect(records.map(idOf).toSorted()).toEqual(ids.toSorted());
  expect(sidepost.log.at(-1)).toMatchObject({ msg: "Drained", lost: 0, published: 10_000, pending: 0 });
});

test("SIGTERM amid the posts of 10,000 events: each that got a 2xx is in Kafka exactly once", async () => {
  const topic = await newTopic(kafka, 3);
  await using sidepost = await startOn(kafka.bootstrap, topic, { ...HELD_BACK, ...PATIENT });
  const { promise: halfway, resolve: reached } = Promise.withResolvers<void>();
  let taken = 0;
  const counted = async (answer: Promise<Answer>, events: number): Promise<Answer> => {
    taken += events;
    if (taken > 5000) reached();
    return answer;
  };
  const loads = [
    load(8, 500, () => counted(post(sidepost, "/order", { data: {} }, ASYNC), 1)),
    load(2, 25, () => counted(post(sidepost, "", BATCH, ASYNC), 100)),
    load(10, 1, () => counted(post(sidepost, "", BATCH), 100)),
  ];
  await halfway;
  expect(await queued(sidepost)).toBeGreaterThan(1000);
  sidepost.kill();

  const ids = (await Promise.all(loads)).flat();
  expect(ids).toHaveLength(10_000);
  expect(await sidepost.exited).toBe(0);
  const records = await consume(kafka.bootstrap, topic);
  expect(records.map(idOf).toSorted()).toEqual(ids.toSorted());
  expect(sidepost.log.at(-1)).toMatchObject({
    msg: "Drained",
    lost: 0,
    published: 10_000,
    failed: 0,
    pending: 0,
    by_type: { order_created: { published: 4000 }, user_created: { published: 6000 } },
  });
});

test("an application may still post its last words, and is told to close its connections", async () => {
  const topic = await newTopic(kafka);
  await using sidepost = await startOn(kafka.bootstrap, topic, PATIENT);
  const before = await post(sidepost, "/user", { data: 1 });
  expect(before.headers.get("connection")).not.toBe("close");
  sidepost.kill();
  await sidepost.waitForLog(({ msg }) => msg === "Draining");

  expect(await ask(`${sidepost.url}/readyz`)).toMatchObject({
    status: 503,
    body: { reason: "the process is shutting down" },
  });
  expect(await ask(`${sidepost.adminUrl}/livez`)).toMatchObject({ status: 200 });
  const words = await post(sidepost, "/user", { data: 2 });
  expect(words.status).toBe(201);
  expect(words.headers.get("connection")).toBe("close");
  expect(await sidepost.exited).toBe(0);
  expect((await consume(kafka.bootstrap, topic)).map(idOf)).toEqual([...idsOf(before), ...idsOf(words)]);
  await expect(post(sidepost, "/user", { data: 3 })).rejects.toThrow();
});

/** Begins a post whose body never ends; resolves with all that was received when the connection is closed. */
async function beginPost({ url }: Sidepost): Promise<{ answer: Promise<string> }> {
  const { hostname, port } = new URL(url);
  const socket = createConnection({ host: hostname, port: Number(port) });
  const answer = text(socket);
  const head = "host: sidepost\r\ncontent-type: application/json\r\ncontent-length: 100";
  await new Promise((sent) =>
    socket.write(`POST /api/v1/events/user HTTP/1.1\r\n${head}\r\n\r\n{"data":`, sent),
  );
  return { answer };
}

test("a post whose body is not there when the time is over is told so, and nothing of it is taken", async () => {
  const [port] = await freePorts(1);
  await using sidepost = await startOn(`127.0.0.1:${port}`, "unreachable", { SERVER_SHUTDOWN_TIMEOUT: "2s" });
  await load(1, 3, () => post(sidepost, "/user", { data: 1 }, ASYNC));
  const { answer } = await beginPost(sidepost);
  sidepost.kill();
  const [head = "", body = ""] = (await answer).toLowerCase().split("\r\n\r\n");
  expect(head).toStartWith("http/1.1 503 ");
  expect(head.split("\r\n")).toContain("retry-after: 1");
  expect(head.split("\r\n")).toContain("connection: close");
  expect(JSON.parse(body)).toMatchObject({ code: "draining", retriable: true });
  expect(await sidepost.exited).toBe(1);
  expect(sidepost.log.at(-1)).toMatchObject({ msg: "Drained", lost: 3, rejected: 1 });
});

test.each([
  { how: "SIGINT", end: async (sidepost: Sidepost) => sidepost.kill("SIGINT") },
  {
    how: "POST /quitquitquit",
    end: async ({ adminUrl }: Sidepost) => {
      expect(await ask(`${adminUrl}/quitquitquit`, { method: "POST" })).toMatchObject({ status: 202 });
    },
  },
])("$how drains as SIGTERM does", async ({ how, end }) => {
  const topic = await newTopic(kafka);
  await using sidepost = await startOn(kafka.bootstrap, topic, HELD_BACK);
  const ids = await load(1, 20, () => post(sidepost, "/user", { data: 1 }, ASYNC));
  await end(sidepost);
  expect(await sidepost.exited).toBe(0);
  expect(sidepost.log.find(({ msg }) => msg === "Draining")).toMatchObject({ why: how });
  expect((await consume(kafka.bootstrap, topic)).map(idOf)).toEqual(ids);
});

test("a second signal ends the process at once, and says how much it leaves", async () => {
  const [port] = await freePorts(1);
  await using sidepost = await startOn(`127.0.0.1:${port}`, "unreachable", { SERVER_SHUTDOWN_TIMEOUT: "1h" });
  await load(1, 7, () => post(sidepost, "/user", { data: 1 }, ASYNC));
  sidepost.kill();
  await sidepost.waitForLog(({ msg }) => msg === "Draining");
  sidepost.kill(); // as a terminal and `bun run` send it twice
  await Bun.sleep(600);
  const ends = () => sidepost.log.filter(({ msg }) => String(msg).startsWith("Second signal"));
  expect(ends()).toEqual([]);
  sidepost.kill();
  expect(await sidepost.exited).toBe(1);
  expect(ends()).toMatchObject([{ level: "error", why: "SIGTERM", left: 7 }]);
});

test("no event is lost without a word where there is no time for a drain at all", async () => {
  const [port] = await freePorts(1);
  await using sidepost = await startOn(`127.0.0.1:${port}`, "unreachable", { SERVER_SHUTDOWN_TIMEOUT: "0" });
  const ids = await load(1, 7, () => post(sidepost, "/user", { data: 1 }, ASYNC));
  sidepost.kill();
  expect(await sidepost.exited).toBe(1);
  const lost = sidepost.log.filter(({ msg }) => msg === "Event lost");
  expect(lost.map((line) => line["event_id"])).toEqual(ids);
  expect(sidepost.log.at(-1)).toMatchObject({ msg: "Drained", lost: 7 });
});
