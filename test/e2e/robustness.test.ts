import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import { consume } from "../helpers/consume.ts";
import { type SharedKafka, sharedKafka } from "../helpers/kafka.ts";
import { freePorts } from "../helpers/ports.ts";
import { startSidepost } from "../helpers/process.ts";
import { ask, idOf, idsOf, MINUTE, NDJSON, newTopic, post, startOn } from "./support.ts";

setDefaultTimeout(MINUTE);

let kafka: SharedKafka;
beforeAll(async () => {
  kafka = await sharedKafka();
}, MINUTE);
afterAll(() => kafka[Symbol.asyncDispose]());

const residentMiB = (pid: number): number =>
  Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024;

const SEEDS = [
  '{"data": {"n": 1.5e3, "s": "\\u00e9\\n"}, "key": "k", "headers": {"a": "b"}, "id": "i", "time": "2024-01-01T12:00:00Z"}',
  '[{"type": "user", "data": 1}, {"type": "order", "data": "{\\"a\\": [1, 2]}"}]',
  '{"type": "user", "data": null}\n{"type": "payment", "data": []}\n',
];

/** mulberry32: the same bodies in every run. */
function createRandom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let hash = Math.imul(state ^ (state >>> 15), 1 | state);
    hash = (hash + Math.imul(hash ^ (hash >>> 7), 61 | hash)) ^ hash;
    return ((hash ^ (hash >>> 14)) >>> 0) % below;
  };
}

/** A valid body with a few bytes replaced, cut out or repeated. */
function mutant(random: (below: number) => number): Uint8Array {
  let body = Buffer.from(SEEDS[random(SEEDS.length)]!);
  for (let change = 0; change <= random(4); change++) {
    const [from, to] = [random(body.length), random(body.length)];
    const slice = body.subarray(Math.min(from, to), Math.max(from, to));
    if (random(3) === 0) body = Buffer.concat([body, slice]);
    else if (random(2) === 0) body = Buffer.concat([body.subarray(0, from), body.subarray(from + random(8))]);
    else body[from] = random(256);
    if (body.length === 0) return body;
  }
  return body;
}

test("10,000 mutilated bodies are each answered, none as our own fault, and leave nothing behind", async () => {
  await using sidepost = await startSidepost({ env: { KAFKA_BROKER_LIST: "embedded" } });
  const random = createRandom(1);
  const targets = [
    { path: "/user", headers: {} },
    { path: "", headers: {} },
    { path: "", headers: NDJSON },
  ];
  const statuses: Record<number, number> = {};
  const connection = async (): Promise<void> => {
    for (let request = 0; request < 250; request++) {
      const { path, headers } = targets[random(targets.length)]!;
      const body = mutant(random);
      const url = `${sidepost.url}/api/v1/events${path}`;
      const { status } = await ask(url, { method: "POST", body, headers });
      statuses[status] = (statuses[status] ?? 0) + 1;
    }
  };
  const wave = () => Promise.all(Array.from({ length: 8 }, connection));

  await wave();
  const settled = residentMiB(sidepost.pid);
  for (let rest = 0; rest < 4; rest++) await wave();
  expect(residentMiB(sidepost.pid) - settled).toBeLessThan(64);
  expect(Object.keys(statuses).filter((status) => !/^(20[01]|400|422)$/.test(status))).toEqual([]);
  expect(statuses[400]).toBeGreaterThan(1000);
  expect(statuses[422]).toBeGreaterThan(100);
  expect(await post(sidepost, "/user", { data: 1 })).toMatchObject({ status: 201 });
});

test("killed while posts come in it loses nothing that it confirmed, and starts again on the same ports", async () => {
  const topic = await newTopic(kafka);
  const [data, admin] = await freePorts(2);
  const env = { SERVER_ADDRESS: `127.0.0.1:${data}`, METRICS_PORT: `127.0.0.1:${admin}` };
  const confirmed: string[] = [];
  const { promise: enough, resolve } = Promise.withResolvers<void>();
  await using first = await startOn(kafka.bootstrap, topic, env);
  const connection = async (): Promise<void> => {
    for (;;) {
      const answer = await post(first, "/user", { data: {} }).catch(() => undefined);
      if (answer === undefined) return;
      expect(answer.status).toBe(201);
      confirmed.push(...idsOf(answer));
      if (confirmed.length >= 200) resolve();
    }
  };
  const connections = Promise.all(Array.from({ length: 8 }, connection));
  await enough;
  first.kill("SIGKILL");
  expect(await first.exited).toBe(137);
  await connections;

  await using second = await startOn(kafka.bootstrap, topic, env);
  confirmed.push(...idsOf(await post(second, "/user", { data: {} })));
  const found = new Set((await consume(kafka.bootstrap, topic)).map(idOf));
  expect(confirmed.filter((id) => !found.has(id))).toEqual([]);
});
