import { afterAll, beforeAll, expect, test } from "bun:test";
import {
  closeSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { createClock } from "../chaos/clock.ts";
import { consume } from "../helpers/consume.ts";
import { type Kafka, startKafka } from "../helpers/kafka.ts";
import { freePorts } from "../helpers/ports.ts";
import { waitUntil } from "../helpers/wait.ts";
import {
  ask,
  ASYNC,
  idOf,
  idsOf,
  metricsOf,
  MINUTE,
  newTopic,
  nobody,
  post,
  spoolIn,
  startOn,
  untilStored,
} from "./support.ts";

let kafka: Kafka;
let folder: string;
beforeAll(async () => {
  kafka = await startKafka();
  folder = mkdtempSync(join(tmpdir(), "sidepost-spool-"));
}, MINUTE);
afterAll(async () => {
  await kafka[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

const spool = (mode: "always" | "overflow", more?: Record<string, string>) => spoolIn(folder, mode, more);
const receiptOf = (url: string, id: string) => ask(`${url}/api/v1/events/${id}`);
const times = <T>(count: number, make: (index: number) => T) =>
  Array.from({ length: count }, (_, i) => make(i));

test(
  "always: what is answered stored survives SIGKILL and is delivered by the next process, in order",
  async () => {
    const topic = await newTopic(kafka);
    const settings = spool("always");
    const ids: string[] = [];
    {
      await using sidepost = await startOn(await nobody(), topic, settings);
      for (let data = 0; data < 50; data++) {
        const answer = await post(sidepost, "/user", { data, key: "k" }, ASYNC);
        expect(answer).toMatchObject({ status: 202, body: { status: "stored" } });
        ids.push(...idsOf(answer));
      }
      const batch = await post(
        sidepost,
        "",
        times(100, (data) => ({ type: "user", data, key: "k" })),
        ASYNC,
      );
      expect(batch.status).toBe(202);
      ids.push(...idsOf(batch));
      expect(await receiptOf(sidepost.url, ids[0]!)).toMatchObject({
        status: 200,
        body: { status: "stored" },
      });
      sidepost.kill("SIGKILL");
      await sidepost.exited;
    }
    await using next = await startOn(kafka.bootstrap, topic, settings);
    const records = await consume(kafka.bootstrap, topic, { count: 150 });
    expect(records.map(idOf)).toEqual(ids);
    await next.waitForLog(({ msg }) => msg === "Kafka reached");
    // kcat may see a record before its delivery report has come back.
    const settled = async () => {
      const answer = await receiptOf(next.url, ids[149]!);
      return (answer.body as { status: string }).status === "stored" ? undefined : answer;
    };
    const receipt = await waitUntil(settled, 10_000, () => new Error("the last event is still stored"));
    expect(receipt).toMatchObject({ status: 200, body: { status: "delivered", topic, offset: 149 } });
    next.kill();
    expect(await next.exited).toBe(0);
    await using third = await startOn(kafka.bootstrap, topic, settings);
    expect(await receiptOf(third.url, ids[7]!)).toMatchObject({
      status: 200,
      body: { status: "delivered", offset: 7 },
    });
    expect((await consume(kafka.bootstrap, topic)).length).toBe(150);
  },
  MINUTE,
);

test(
  "always: what was stored goes to Kafka also where it is more than their topic takes in a batch, but for what is too large alone",
  async () => {
    const topic = await newTopic(kafka, 1, { "max.message.bytes": "5000" });
    const settings = spool("always");
    const noise = (bytes: number) => crypto.getRandomValues(new Uint8Array(bytes)).toBase64();
    const events = times(1000, (i) => ({ type: "user", data: [noise(i === 700 ? 9000 : 300)], key: "k" }));
    const stored = await (async () => {
      await using sidepost = await startOn(await nobody(), topic, settings);
      const answer = await post(sidepost, "", events, ASYNC);
      expect(answer.status).toBe(202);
      sidepost.kill("SIGKILL");
      await sidepost.exited;
      return idsOf(answer);
    })();
    await using next = await startOn(kafka.bootstrap, topic, settings);
    await untilStored(next, 0);
    const [tooLarge = ""] = stored.splice(700, 1);
    expect((await consume(kafka.bootstrap, topic)).map(idOf)).toEqual(stored);
    expect(await receiptOf(next.url, tooLarge)).toMatchObject({
      body: { status: "failed", error: { code: "event-too-large" } },
    });
  },
  MINUTE,
);

test(
  "always: with Kafka there an event is stored and delivered, and a waiting post gets its offset",
  async () => {
    const topic = await newTopic(kafka);
    await using sidepost = await startOn(kafka.bootstrap, topic, spool("always"));
    const stored = await post(sidepost, "/user", { data: 1 }, ASYNC);
    expect(stored).toMatchObject({ status: 202, body: { status: "stored" } });
    expect(stored.headers.get("location")).toBe(`/api/v1/events/${idsOf(stored)[0]}`);
    const delivered = await post(sidepost, "/user", { data: 2 });
    expect(delivered).toMatchObject({ status: 201, body: { status: "delivered", topic } });
    expect((await consume(kafka.bootstrap, topic, { count: 2 })).map(idOf).toSorted()).toEqual(
      [...idsOf(stored), ...idsOf(delivered)].toSorted(),
    );
    sidepost.kill();
    expect(await sidepost.exited).toBe(0);
    expect(sidepost.log.at(-1)).toMatchObject({ msg: "Drained", published: 2, spooled: 0, lost: 0 });
  },
  MINUTE,
);

test(
  "overflow: what Kafka does not confirm in time is stored, and delivered in order when it is back",
  async () => {
    const topic = await newTopic(kafka);
    const settings = spool("overflow", { SERVER_WRITE_TIMEOUT: "1s" });
    await using sidepost = await startOn(kafka.bootstrap, topic, settings);
    const ids = idsOf(await post(sidepost, "/user", { data: 0, key: "k" }));
    await kafka.stopBroker(0, "SIGKILL");
    const waiting = await post(sidepost, "/user", { data: 1, key: "k" });
    expect(waiting).toMatchObject({ status: 202, body: { status: "stored" } });
    ids.push(...idsOf(waiting));
    for (let data = 2; data < 20; data++) {
      const answer = await post(sidepost, "/user", { data, key: "k" }, ASYNC);
      expect(answer).toMatchObject({ status: 202, body: { status: "stored" } });
      ids.push(...idsOf(answer));
    }
    expect(await ask(`${sidepost.url}/api/v1/events/stats`)).toMatchObject({ body: { spooled: 19 } });
    await kafka.startBroker(0);
    await sidepost.waitForLog(({ msg }) => msg === "Spooling is over: Kafka keeps up", 30_000);
    const answer = await post(sidepost, "/user", { data: 20, key: "k" }, ASYNC);
    expect(answer).toMatchObject({ status: 202, body: { status: "accepted" } });
    ids.push(...idsOf(answer));
    expect((await consume(kafka.bootstrap, topic, { count: 21 })).map(idOf)).toEqual(ids);
  },
  MINUTE,
);

test(
  "overflow: when memory is full events go to disk, those of a key behind one another, and come back in order",
  async () => {
    const topic = await newTopic(kafka, 3);
    const settings = spool("overflow", { RDKAFKA_QUEUE_BUFFERING_MAX_MESSAGES: "200" });
    const [port] = await freePorts(1);
    const expected = new Map<string, number[]>();
    {
      await using sidepost = await startOn(`127.0.0.1:${port}`, topic, settings);
      for (let round = 0; round < 60; round++) {
        const events = times(20, (index) => {
          const [key, data] = [`k${index % 7}`, round * 20 + index];
          expected.set(key, [...(expected.get(key) ?? []), data]);
          return { type: "user", key, data };
        });
        const answer = await post(sidepost, "", events, ASYNC);
        expect(answer.status).toBe(202);
      }
      expect(sidepost.log.some(({ msg }) => msg === "Spooling: events go to disk")).toBeTrue();
      sidepost.kill();
      expect(await sidepost.exited).toBe(0);
      expect(sidepost.log.at(-1)).toMatchObject({ msg: "Drained", lost: 0, spooled: 1200 });
    }
    await using next = await startOn(kafka.bootstrap, topic, settings);
    const records = await consume(kafka.bootstrap, topic, { count: 1200 });
    const found = new Map<string, number[]>();
    for (const { key, value } of records) {
      const data: number = JSON.parse(String(value)).data;
      found.set(String(key), [...(found.get(String(key)) ?? []), data]);
    }
    expect(found).toEqual(expected);
    const replayed = async () => {
      const family = (await metricsOf(next)).get("producer_events_replayed_total");
      return family?.samples.get("producer_events_replayed_total") === 1200 || undefined;
    };
    await waitUntil(replayed, 10_000, () => new Error("not all replayed events were counted"));
  },
  MINUTE,
);

test.each(["SIGTERM", "SIGKILL"] as const)(
  "always: what was answered 201 before %s, with the broker frozen in the middle of a chunk, is not sent again",
  async (signal) => {
    const topic = await newTopic(kafka);
    // One record at a time, so that the broker freezes between two of a chunk.
    const settings = spool("always", {
      SERVER_SHUTDOWN_TIMEOUT: "2s",
      RDKAFKA_BATCH_NUM_MESSAGES: "1",
      RDKAFKA_MAX_IN_FLIGHT: "1",
    });
    const delivered: string[] = [];
    {
      await using sidepost = await startOn(kafka.bootstrap, topic, settings);
      await post(sidepost, "/user", { data: -1 });
      const answers = times(250, async (data) => {
        const answer = await post(sidepost, "/user", { data });
        if (answer.status === 201) delivered.push(...idsOf(answer));
      });
      await Promise.any(answers);
      await kafka.freezeBroker(0);
      // The file gets to know of it within two seconds.
      await Bun.sleep(3000);
      sidepost.kill(signal);
      await sidepost.exited;
      if (signal === "SIGTERM") expect(sidepost.log.at(-1)).toMatchObject({ msg: "Drained", lost: 0 });
      await Promise.allSettled(answers);
      kafka.thawBroker(0);
    }
    expect(delivered.length).toBeGreaterThan(0);
    expect(delivered.length).toBeLessThan(250);
    await using next = await startOn(kafka.bootstrap, topic, settings);
    const isReplayed = async () => {
      const { body } = await ask(`${next.url}/api/v1/events/stats`);
      return (body as { spooled: number }).spooled === 0 || undefined;
    };
    await waitUntil(isReplayed, 20_000, () => new Error("not all was replayed"));
    const found = (await consume(kafka.bootstrap, topic)).map(idOf);
    expect(new Set(found).size).toBe(251);
    const twice = new Set(found.filter((id, index) => found.indexOf(id) !== index));
    expect(delivered.filter((id) => twice.has(id))).toEqual([]);
  },
  MINUTE,
);

test(
  "overflow: a wall clock that is set does neither delay nor bring about the way to disk",
  async () => {
    const topic = await newTopic(kafka);
    using clock = createClock();
    const settings = { ...spool("overflow", { SERVER_WRITE_TIMEOUT: "4s" }), ...clock.env };
    await using sidepost = await startOn(await nobody(), topic, settings);
    const wentToDisk = () => sidepost.log.some(({ msg }) => msg === "Spooling: events go to disk");
    const start = performance.now();
    expect(await post(sidepost, "/user", { data: 1 }, ASYNC)).toMatchObject({
      body: { status: "accepted" },
    });
    clock.set(3600);
    await Bun.sleep(2000);
    // Only where this machine was not too slow for the question.
    if (performance.now() - start < 3500) expect(wentToDisk()).toBeFalse();
    clock.set(-3600);
    await sidepost.waitForLog(({ msg }) => msg === "Spooling: events go to disk", 20_000);
  },
  MINUTE,
);

test(
  "an event whose bytes on disk are damaged is not sent, and said to be lost; the others are",
  async () => {
    const topic = await newTopic(kafka);
    const settings = spool("always");
    const ids: string[] = [];
    {
      await using sidepost = await startOn(await nobody(), topic, settings);
      for (let data = 0; data < 5; data++)
        ids.push(...idsOf(await post(sidepost, "/user", { data: `"mark ${data}"`, key: "k" }, ASYNC)));
      sidepost.kill();
      expect(await sidepost.exited).toBe(0);
    }
    const path = join(settings.SPOOL_DIR, "spool.db");
    const bytes = readFileSync(path);
    bytes.write("M", bytes.indexOf("mark 2"));
    writeFileSync(path, bytes);
    await using next = await startOn(kafka.bootstrap, topic, settings);
    const expected = ids.filter((_, index) => index !== 2);
    expect((await consume(kafka.bootstrap, topic, { count: 4 })).map(idOf)).toEqual(expected);
    expect(next.log).toContainEqual(expect.objectContaining({ level: "error", events: 1 }));
    // It is set aside with the next commit.
    const receipt = await waitUntil(
      async () => {
        const { body } = await receiptOf(next.url, ids[2]!);
        return (body as { status: string }).status === "stored" ? undefined : body;
      },
      5000,
      () => new Error("still stored"),
    );
    expect(receipt).toMatchObject({ status: "failed", error: { code: "delivery-abandoned" } });
    // The key waits for nothing.
    expect(await post(next, "/user", { data: 5, key: "k" })).toMatchObject({ status: 201 });
    next.kill();
    expect(await next.exited).toBe(1);
    expect(next.log.at(-1)).toMatchObject({ msg: "Drained", lost: 1, spooled: 0 });
    await using third = await startOn(kafka.bootstrap, topic, settings);
    third.kill();
    expect(await third.exited).toBe(0);
    expect(await consume(kafka.bootstrap, topic)).toHaveLength(5);
  },
  MINUTE,
);

test(
  "what was stored in a file that turns out damaged at work is stored anew, and survives SIGKILL",
  async () => {
    const topic = await newTopic(kafka);
    const settings = spool("always");
    const ids: string[] = [];
    {
      await using sidepost = await startOn(await nobody(), topic, settings);
      // More than SQLite keeps in memory.
      const noise = () => Buffer.from(crypto.getRandomValues(new Uint8Array(30_000))).toString("base64");
      for (let data = 0; data < 150; data++)
        ids.push(
          ...idsOf(await post(sidepost, "/user", { data: { data, noise: noise() }, key: "k" }, ASYNC)),
        );
      const path = join(settings.SPOOL_DIR, "spool.db");
      // The WAL goes into the file in a quiet second.
      await waitUntil(
        () => (statSync(path).size > 4_500_000 ? true : undefined),
        10_000,
        () => new Error(`the file has ${statSync(path).size} bytes`),
      );
      const file = openSync(path, "r+");
      for (let at = 8192; at < statSync(path).size; at += 4096)
        writeSync(file, new Uint8Array(4096).fill(0xa5), 0, 4096, at);
      closeSync(file);
      await receiptOf(sidepost.url, "nobody's");
      await sidepost.waitForLog(({ msg }) => String(msg).startsWith("Spool file set aside"));
      // The first may be on disk before all that is stored anew is on its way there, and counted; the second is behind that.
      for (const data of [150, 151]) {
        const later = await post(sidepost, "/user", { data, key: "k" }, ASYNC);
        expect(later.body).toMatchObject({ status: "stored" });
        ids.push(...idsOf(later));
        await untilStored(sidepost, ids.length);
      }
      sidepost.kill("SIGKILL");
      await sidepost.exited;
    }
    await using next = await startOn(kafka.bootstrap, topic, settings);
    const records = await consume(kafka.bootstrap, topic, { count: ids.length });
    expect(records.map(idOf)).toEqual(ids);
    expect(next.log.filter(({ level }) => level === "error")).toEqual([]);
  },
  MINUTE,
);

test(
  "an unusable folder keeps the process up and not ready, and says what to do",
  async () => {
    const topic = await newTopic(kafka);
    await using sidepost = await startOn(kafka.bootstrap, topic, {
      SPOOL_MODE: "always",
      SPOOL_DIR: "/proc/sidepost",
    });
    const refused = await post(sidepost, "/user", { data: 1 }, ASYNC);
    expect(refused).toMatchObject({ status: 503, body: { code: "spool-unavailable", retriable: true } });
    expect(refused.headers.get("retry-after")).toBe("1");
    expect(await ask(`${sidepost.url}/readyz`)).toMatchObject({ status: 503 });
    expect(await post(sidepost, "/user", { data: 1 })).toMatchObject({ status: 201 });
    expect(sidepost.log).toContainEqual(expect.objectContaining({ level: "error", msg: "Spool not open" }));
  },
  MINUTE,
);
