import { atLeast, atMost, figure, growth, paired, type Figure } from "./figure.ts";
import { ASYNC, ASYNC_BATCH, ATOMIC, LOADS, WAITING, type Load } from "./loads.ts";
import { expectAnswer, measure, type Cost, type Pace } from "./measure.ts";
import { memoryOf } from "./proc.ts";
import { inSequence, inTurn } from "./turns.ts";
import type { Server } from "./server.ts";
import { endOffset, expectEnd, type Topic } from "./topic.ts";

/** Starts a server of a kind; each call is a new process. */
export type Start = () => Promise<Server>;

/** How long a run measures: readings of each thing, and seconds of each. */
export interface Plan {
  starts: number;
  rounds: number;
  seconds: number;
  soak: number;
}

/** Seconds of load long enough to tell a leak from warming up. */
const STEADY = 600;

/** Milliseconds from the start of the process to ready, ours and the bare server's in turn. */
export async function startups(sidepost: Start, bare: Start, { starts }: Plan): Promise<Figure[]> {
  const pairs = await inTurn(
    starts,
    () => startup(sidepost),
    () => startup(bare),
  );
  return [paired("start to ready", "ms", pairs, atMost(60))];
}

async function startup(start: Start): Promise<number> {
  await using server = await start();
  return server.startup;
}

/** Every load, and a lone waiting post, on one process of each kind, in turn. */
export async function rates(sidepost: Start, bare: Start, topic: Topic, plan: Plan): Promise<Figure[]> {
  await using server = await sidepost();
  await using yardstick = await bare();
  const pairs = (load: Load, pace: Pace) =>
    inTurn(
      plan.rounds,
      () => measure(server, load, pace, topic),
      () => measure(yardstick, load, pace),
    );
  const pace = { seconds: plan.seconds, connections: 32 };
  await expectAnswers(server, topic);
  await measure(server, WAITING, pace, topic); // warms up
  await measure(yardstick, WAITING, pace);
  const found = await inSequence(LOADS, async (load) => costs(load, await pairs(load, pace)));
  const lone = await pairs(WAITING, { ...pace, connections: 1, pause: 5 });
  const { peak } = await memoryOf(server.pid);
  return [
    ...found.flat(),
    paired("lone waiting post: p50", "ms", both(lone, "p50"), atMost(0.3)),
    figure("memory: peak over all loads", "MB", [peak], atMost(90)),
  ];
}

/** Atomic batches, on a process of their own: transactions leave marks of their own among the topic's offsets. */
export async function atomic(sidepost: Start, topic: Topic, { rounds, seconds }: Plan): Promise<Figure[]> {
  await using server = await sidepost();
  await expectAnswer(server.url, ATOMIC);
  const end = await endOffset(topic);
  const found = await inSequence(Array.from({ length: rounds }), () =>
    measure(server, ATOMIC, { seconds, connections: 32 }),
  );
  const events = found.reduce((total, cost) => total + cost.events * seconds, 0);
  const grown = (await endOffset(topic)) - end;
  if (grown < events)
    throw new Error(`Kafka should have ${events} more events by the answers, and has ${grown}`);
  const each = (of: keyof Cost): number[] => found.map((cost) => cost[of]);
  const batches = each("events").map((rate) => rate / ATOMIC.events);
  return [
    figure(ATOMIC.name, "batches/s", batches, atLeast(300)),
    figure(`${ATOMIC.name}: p50`, "ms", each("p50")),
    figure(`${ATOMIC.name}: p99`, "ms", each("p99")),
    figure(`${ATOMIC.name}: CPU`, "us/event", each("cpu")),
  ];
}

/** With twice the posters each commit has twice the posts: what a fsync takes shows less. */
const STORED = [
  { load: ASYNC, posters: 32 },
  { load: ASYNC, posters: 64 },
  { load: ASYNC_BATCH, posters: 32 },
];

/** Posts that are answered when they are on disk, beside the same posts that are answered when they are in memory. */
export async function stored(
  spooling: Start,
  sidepost: Start,
  topic: Topic,
  { rounds, seconds }: Plan,
): Promise<Figure[]> {
  await using disk = await spooling();
  await using memoryOnly = await sidepost();
  const found = await inSequence(STORED, async ({ load, posters }) => {
    const name = load.name.replace("respond-async", "stored");
    const post = { ...load, name: posters === 32 ? name : `${name}, ${posters} posters` };
    const pace = { seconds, connections: posters };
    const end = await endOffset(topic);
    await expectAnswer(disk.url, post);
    await expectEnd(topic, end + post.events);
    await measure(disk, post, pace, topic); // warms up
    const pairs = await inTurn(
      rounds,
      () => measure(disk, post, pace, topic),
      () => measure(memoryOnly, post, pace, topic),
    );
    const target = post.events === 1 ? atLeast(0.7, "ratio") : atLeast(200_000);
    return [
      paired(post.name, "events/s, beside respond-async", both(pairs, "events"), target),
      paired(`${post.name}: p50`, "ms", both(pairs, "p50")),
      paired(`${post.name}: CPU`, "us/event", both(pairs, "cpu")),
    ];
  });
  return found.flat();
}

/** One post of each load, so that a wrong answer is told in full before thousands are counted. */
async function expectAnswers({ url }: Server, topic: Topic): Promise<void> {
  const end = await endOffset(topic);
  await inSequence(LOADS, (load) => expectAnswer(url, load));
  await expectEnd(topic, end + LOADS.reduce((total, { events }) => total + events, 0));
}

function costs({ name, events, rate, cpu }: Load, pairs: [Cost, Cost][]): Figure[] {
  return [
    paired(name, events === 1 ? "requests/s" : "events/s", both(pairs, "events"), rate),
    paired(`${name}: p50`, "ms", both(pairs, "p50")),
    paired(`${name}: p99`, "ms", both(pairs, "p99")),
    paired(`${name}: CPU`, "us/event", both(pairs, "cpu"), cpu),
    figure(`${name}: of it JavaScript's thread`, "us/event", ours(pairs, "javascript")),
    figure(`${name}: of it librdkafka's threads`, "us/event", ours(pairs, "librdkafka")),
  ];
}

const ours = (pairs: [Cost, Cost][], of: keyof Cost): number[] => pairs.map(([cost]) => cost[of]);

const both = (pairs: [Cost, Cost][], of: keyof Cost): [number, number][] =>
  pairs.map(([cost, bare]) => [cost[of], bare[of]]);

/** Resident memory of a fresh process: idle, under waiting posts for `plan.soak` seconds, and right after them. */
export async function memory(sidepost: Start, topic: Topic, { soak }: Plan): Promise<Figure[]> {
  await using server = await sidepost();
  await Bun.sleep(2000);
  const idle = await memoryOf(server.pid);
  const readings: number[] = [];
  const timer = setInterval(async () => readings.push((await memoryOf(server.pid)).resident), 500);
  try {
    await measure(server, WAITING, { seconds: soak, connections: 32 }, topic);
  } finally {
    clearInterval(timer);
  }
  const { resident, peak } = await memoryOf(server.pid);
  return [
    figure("memory: idle", "MB", [idle.resident], atMost(60)),
    figure(`memory: peak over ${soak} s of waiting posts`, "MB", [peak], atMost(90)),
    figure("memory: right after them", "MB", [resident], atMost(90)),
    figure("memory: its growth meanwhile", "%", [growth(readings)], soak < STEADY ? undefined : atMost(5)),
  ];
}
