import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { consume } from "../helpers/consume.ts";
import { type SharedKafka, sharedKafka } from "../helpers/kafka.ts";
import type { Sidepost } from "../helpers/process.ts";
import { waitUntil } from "../helpers/wait.ts";
import {
  type Answer,
  ASYNC,
  idOf,
  idsOf,
  MINUTE,
  newTopic,
  nobody,
  post,
  spoolIn,
  startOn,
} from "./support.ts";

let kafka: SharedKafka;
let folder: string;
beforeAll(async () => {
  kafka = await sharedKafka();
  folder = mkdtempSync(join(tmpdir(), "sidepost-keys-"));
}, MINUTE);
afterAll(async () => {
  await kafka[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

const spool = (mode: "always" | "overflow", more?: Record<string, string>) => spoolIn(folder, mode, more);
const key = (name: string) => ({ "idempotency-key": name });
const isReplay = ({ headers }: Answer) => headers.get("idempotency-replayed") === "true";
const MANY = [1, 2, 3].map((data) => ({ type: "user", data }));

/** Kills the process while a post and a batch wait for Kafka, once both are on disk. */
async function killWaiting(sidepost: Sidepost): Promise<void> {
  const waiting = Promise.allSettled([
    post(sidepost, "/user", { data: 0 }, key("one")),
    post(sidepost, "", MANY, key("many")),
  ]);
  const isTaken = async () => (await pendingOf(sidepost)) === 4 || undefined;
  await waitUntil(isTaken, 10_000, () => new Error("the posts were not taken"));
  // What was taken before this is on disk when it is answered.
  expect((await post(sidepost, "/user", { data: 4 }, ASYNC)).status).toBe(202);
  sidepost.kill("SIGKILL");
  await sidepost.exited;
  await waiting;
}

async function pendingOf({ url }: Sidepost): Promise<number> {
  const response = await fetch(`${url}/api/v1/events/stats`);
  return ((await response.json()) as { pending: number }).pending;
}

test(
  "a key whose post was not answered before SIGKILL is known with its event, and its receipt gets better",
  async () => {
    const topic = await newTopic(kafka);
    const settings = spool("always");
    {
      await using sidepost = await startOn(await nobody(), topic, settings);
      await killWaiting(sidepost);
    }
    let ids: string[];
    {
      await using sidepost = await startOn(await nobody(), topic, settings);
      const one = await post(sidepost, "/user", { data: 0 }, key("one"));
      expect(one).toMatchObject({ status: 202, body: { status: "stored" } });
      expect(isReplay(one)).toBeTrue();
      const many = await post(sidepost, "", MANY, key("many"));
      expect(many).toMatchObject({ status: 202, body: { receipts: MANY.map(() => ({ status: "stored" })) } });
      expect(isReplay(many)).toBeTrue();
      expect((await post(sidepost, "/user", { data: 9 }, key("one"))).status).toBe(422);
      ids = [...idsOf(one), ...idsOf(many)];
      sidepost.kill("SIGKILL");
      await sidepost.exited;
    }
    await using sidepost = await startOn(kafka.bootstrap, topic, settings);
    const isDelivered = async () => {
      const answer = await post(sidepost, "/user", { data: 0 }, key("one"));
      return answer.status === 201 ? answer : undefined;
    };
    const delivered = await waitUntil(isDelivered, 20_000, () => new Error("it is still stored"));
    expect(isReplay(delivered)).toBeTrue();
    expect(idsOf(delivered)).toEqual(ids.slice(0, 1));
    const many = await post(sidepost, "", MANY, key("many"));
    expect(isReplay(many)).toBeTrue();
    expect(idsOf(many)).toEqual(ids.slice(1));
    const found = (await consume(kafka.bootstrap, topic, { count: 5 })).map(idOf);
    expect(found).toHaveLength(5);
    expect(new Set(found)).toContain(ids[0]!);
  },
  MINUTE,
);

test(
  "overflow: a key goes to disk with its event when that does, and a crash before loses both",
  async () => {
    const topic = await newTopic(kafka);
    const settings = spool("overflow", { SERVER_WRITE_TIMEOUT: "1s" });
    {
      await using sidepost = await startOn(await nobody(), topic, settings);
      const accepted = await post(sidepost, "/user", { data: 1 }, { ...key("a"), ...ASYNC });
      expect(accepted).toMatchObject({ status: 202, body: { status: "accepted" } });
      sidepost.kill("SIGKILL");
      await sidepost.exited;
    }
    let ids: string[];
    {
      await using sidepost = await startOn(await nobody(), topic, settings);
      const again = await post(sidepost, "/user", { data: 1 }, { ...key("a"), ...ASYNC });
      expect(isReplay(again)).toBeFalse();
      expect(again).toMatchObject({ status: 202, body: { status: "accepted" } });
      ids = idsOf(again);
      await sidepost.waitForLog(({ msg }) => msg === "Spooling: events go to disk", 20_000);
      expect((await post(sidepost, "/user", { data: 2 }, ASYNC)).status).toBe(202);
      sidepost.kill("SIGKILL");
      await sidepost.exited;
    }
    await using sidepost = await startOn(kafka.bootstrap, topic, settings);
    const known = await post(sidepost, "/user", { data: 1 }, key("a"));
    expect(isReplay(known)).toBeTrue();
    expect(idsOf(known)).toEqual(ids);
    expect(await consume(kafka.bootstrap, topic, { count: 2 })).toHaveLength(2);
  },
  MINUTE,
);

test(
  "posts with keys, killed at any moment and posted again, make one record each",
  async () => {
    const topic = await newTopic(kafka);
    const settings = spool("always");
    const posted: number[] = [];
    let next = 0;
    const send = (sidepost: Sidepost, data: number) =>
      data % 5 === 0
        ? post(sidepost, "", [{ type: "user", data }], { ...key(`k${data}`), ...ASYNC })
        : post(
            sidepost,
            "/user",
            { data },
            data % 5 === 1 ? key(`k${data}`) : { ...key(`k${data}`), ...ASYNC },
          );
    for (let round = 0; round < 4; round++) {
      await using sidepost = await startOn(await nobody(), topic, settings);
      const end = new AbortController();
      const client = async (): Promise<void> => {
        while (!end.signal.aborted) {
          posted.push(next);
          // One that waits would wait for Kafka for ever.
          const answer = send(sidepost, next++).catch(() => {});
          await Promise.race([answer, Bun.sleep(20)]);
        }
      };
      const clients = Promise.all(Array.from({ length: 8 }, client));
      await Bun.sleep(Math.random() * 300);
      sidepost.kill("SIGKILL");
      end.abort();
      await clients;
    }
    await using sidepost = await startOn(kafka.bootstrap, topic, settings);
    for (const data of posted) expect((await send(sidepost, data)).status).toBeWithin(200, 203);
    const isDone = async () => {
      const { spooled, pending } = (await (await fetch(`${sidepost.url}/api/v1/events/stats`)).json()) as {
        spooled: number;
        pending: number;
      };
      return (spooled === 0 && pending === 0) || undefined;
    };
    await waitUntil(isDone, 20_000, () => new Error("not all was replayed"));
    const records = await consume(kafka.bootstrap, topic);
    const found = records.map(({ value }): number => JSON.parse(String(value)).data);
    expect(found.toSorted((a, b) => a - b)).toEqual(posted);
  },
  MINUTE,
);
