import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { consume } from "../helpers/consume.ts";
import { type Kafka, startKafka } from "../helpers/kafka.ts";
import type { Sidepost } from "../helpers/process.ts";
import { waitUntil } from "../helpers/wait.ts";
import { type Answer, metricsOf, newTopic, post, startOn, untilStatus } from "./support.ts";

setDefaultTimeout(120_000);

// Each test finds the broker running, and leaves it so. Kafka looks often for transactions that are over their time.
let kafka: Kafka;
beforeAll(async () => {
  kafka = await startKafka({
    properties: {
      "transaction.abort.timed.out.transaction.cleanup.interval.ms": "200",
      "auto.create.topics.enable": "false",
    },
  });
}, 60_000);
afterAll(() => kafka[Symbol.asyncDispose]());

const EVENTS = 10;
const SHORT_TRANSACTIONS = { RDKAFKA_TRANSACTION_TIMEOUT_MS: "1500" };

interface Load {
  /** Ends the load and resolves with the answer to each batch; undefined where the connection broke. */
  stop(): Promise<Map<number, Answer | undefined>>;
  /** How many were answered so far. */
  readonly answered: number;
}

/** Eight clients that post one atomic batch after another; the numbers of the batches begin at `first`. */
function postOn(sidepost: Sidepost, first = 0, headers: Record<string, string> = {}): Load {
  const answers = new Map<number, Answer | undefined>();
  const state = { next: first, stopped: false };
  async function client(): Promise<void> {
    while (!state.stopped) {
      const batch = state.next++;
      const answer = await atomic(sidepost, batch, headers).catch(() => undefined);
      answers.set(batch, answer);
      if (answer === undefined) return;
    }
  }
  const clients = Promise.all(Array.from({ length: 8 }, client));
  return {
    async stop() {
      state.stopped = true;
      await clients;
      return answers;
    },
    get answered() {
      return answers.size;
    },
  };
}

const atomic = (sidepost: Sidepost, batch: number, headers = {}): Promise<Answer> =>
  post(
    sidepost,
    "?atomic=true",
    Array.from({ length: EVENTS }, (_, event) => ({ type: "user", data: { batch, event } })),
    headers,
  );

const untilAnswered = (load: Load, count: number) =>
  waitUntil(
    () => load.answered >= count || undefined,
    30_000,
    () => new Error(`only ${load.answered} batches were answered`),
  );

/** The batches that a reader of committed records sees; throws where it sees a part of one, or one twice. */
async function wholeBatches(topic: string): Promise<Set<number>> {
  const records = await consume(kafka.bootstrap, topic);
  const events = records.map(
    ({ value }) => JSON.parse(String(value)).data as { batch: number; event: number },
  );
  const all = Array.from({ length: EVENTS }, (_, event) => event);
  const batches = Map.groupBy(events, (event) => event.batch);
  for (const [batch, members] of batches) {
    expect({ batch, events: members.map(({ event }) => event) }).toEqual({ batch, events: all });
  }
  return new Set(batches.keys());
}

/** What was answered 200 is there, and nothing is there that was answered to be nowhere. */
async function expectTold(topic: string, answers: Map<number, Answer | undefined>): Promise<void> {
  const there = await wholeBatches(topic);
  for (const [batch, answer] of answers) {
    const told = { batch, status: answer?.status };
    if (answer?.status === 200)
      expect({ ...told, there: there.has(batch) }).toEqual({ ...told, there: true });
    if (answer?.status === 503)
      expect({ ...told, there: there.has(batch) }).toEqual({ ...told, there: false });
  }
}

test("killed in the middle of its transactions, it leaves no part of a batch to be seen, and holds no reader up", async () => {
  const topic = await newTopic(kafka);
  await using sidepost = await startOn(kafka.bootstrap, topic, SHORT_TRANSACTIONS);
  const load = postOn(sidepost);
  await untilAnswered(load, 50);
  sidepost.kill("SIGKILL");
  const answers = await load.stop();
  await expectTold(topic, answers);

  await using next = await startOn(kafka.bootstrap, topic, SHORT_TRANSACTIONS);
  const last = 1_000_000;
  expect((await atomic(next, last)).status).toBe(200);
  // A transaction that is left open hides all that comes after it, until Kafka aborts it.
  await waitUntil(
    async () => (await wholeBatches(topic)).has(last) || undefined,
    30_000,
    () => new Error("what was committed later is not seen"),
  );
  await expectTold(topic, answers);
});

test("a process that stands still for longer than a transaction may last is fenced, and goes on with a new producer", async () => {
  const topic = await newTopic(kafka);
  await using sidepost = await startOn(kafka.bootstrap, topic, SHORT_TRANSACTIONS);
  const load = postOn(sidepost);
  await untilAnswered(load, 20);
  const renewed = () => sidepost.log.some(({ msg }) => msg === "Transactional producer renewed");
  // Now and then it stands still between two transactions.
  for (let round = 0; round < 10 && !renewed(); round++) {
    sidepost.kill("SIGSTOP");
    await Bun.sleep(2500);
    sidepost.kill("SIGCONT");
    await untilAnswered(load, load.answered + 20);
  }
  const answers = await load.stop();
  const renewals = (await metricsOf(sidepost)).get("producer_renewals_total")?.samples;
  expect(renewals?.get('producer_renewals_total{kind="transactional"}')).toBeGreaterThan(0);
  expect([...answers.values()].map((answer) => answer?.status)).toEqual([...answers].map(() => 200));
  await expectTold(topic, answers);
});

test("with the broker killed in the middle each batch is there or not, as was said, and later ones are committed", async () => {
  const topic = await newTopic(kafka);
  await using sidepost = await startOn(kafka.bootstrap, topic);
  const patient = postOn(sidepost);
  const hasty = postOn(sidepost, 1_000_000, { prefer: "wait=1" });
  await untilAnswered(patient, 30);
  await kafka.stopBroker(0, "SIGKILL");
  await kafka.startBroker(0);
  await untilAnswered(patient, patient.answered + 30);
  const answers = new Map([...(await patient.stop()), ...(await hasty.stop())]);
  const statuses = new Set([...answers.values()].map((answer) => answer?.status));
  expect([...statuses]).toContain(503);
  expect([...statuses].filter((status) => ![200, 503, 504].includes(status ?? 0))).toEqual([]);
  await expectTold(topic, answers);
});

test("a batch for a topic that is not there fails as a whole", async () => {
  const topic = await newTopic(kafka);
  await using sidepost = await startOn(kafka.bootstrap, topic, {
    EVENT_TYPES: "order=ordered@not-there",
    RDKAFKA_TOPIC_METADATA_PROPAGATION_MAX_MS: "1000",
  });
  const types = ["user", "order", "user"].map((type) => ({ type, data: { batch: 1, event: 0 } }));
  const answer = await post(sidepost, "?atomic=true", types);
  expect(answer).toMatchObject({ status: 404, body: { code: "unknown-topic", retriable: false } });
  expect(await consume(kafka.bootstrap, topic)).toEqual([]);
});

test("at SIGTERM the batches in flight are committed before the end", async () => {
  const topic = await newTopic(kafka);
  await using sidepost = await startOn(kafka.bootstrap, topic);
  const answers = Promise.all(Array.from({ length: 200 }, (_, batch) => atomic(sidepost, batch)));
  await Bun.sleep(50);
  sidepost.kill();
  expect((await answers).map(({ status }) => status)).toEqual(Array(200).fill(200));
  expect(await sidepost.exited).toBe(0);
  expect((await wholeBatches(topic)).size).toBe(200);
  expect(sidepost.log.at(-1)).toMatchObject({ msg: "Drained", published: 2000, lost: 0 });
});

test("with the broker frozen at SIGTERM what waits is given up before the deadline, and nothing of it is seen", async () => {
  const topic = await newTopic(kafka);
  await using sidepost = await startOn(kafka.bootstrap, topic, { SERVER_SHUTDOWN_TIMEOUT: "3s" });
  await untilStatus(`${sidepost.url}/readyz`, 200);
  expect((await atomic(sidepost, 0)).status).toBe(200);
  await kafka.freezeBroker(0);
  const waiting = Promise.all([1, 2, 3].map((batch) => atomic(sidepost, batch)));
  await Bun.sleep(200);
  sidepost.kill();
  const codes = (await waiting).map(({ status, body }) => ({
    status,
    code: (body as { code: string }).code,
  }));
  expect(codes).toEqual(codes.map(() => ({ status: 503, code: "delivery-abandoned" })));
  await sidepost.exited;
  await kafka.stopBroker(0, "SIGKILL");
  await kafka.startBroker(0);
  expect(await wholeBatches(topic)).toEqual(new Set([0]));
});
