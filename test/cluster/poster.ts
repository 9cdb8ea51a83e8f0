import * as v from "valibot";
import { type Client, createClient, type Reply } from "../chaos/client.ts";
import type { Counts } from "./counts.ts";

// The application of these tests, compiled into an image of its own. It posts numbered events at a pace, and its last
// line says what was answered. SIGTERM is not its end: it has last words.

const number = (fallback: string) => v.pipe(v.optional(v.string(), fallback), v.toNumber());
const Environment = v.object({
  HOSTNAME: v.string(),
  /** http://host:port, or unix:/path of a socket. */
  TARGET: v.optional(v.string(), "http://127.0.0.1:8080"),
  /** Posts a second, by all connections together. */
  RATE: number("50"),
  CONNECTIONS: number("4"),
  /** How long it posts at that pace; without it until SIGTERM. */
  SECONDS: number("Infinity"),
  /** Events at once when the pace is over, and at SIGTERM. */
  BURST: number("0"),
  /** How long it goes on after SIGTERM. */
  LAST_WORDS_MS: number("0"),
  PREFER: v.optional(v.string()),
  /** What an event carries beside its number. */
  PAD_BYTES: number("0"),
  /** How often a post that was not taken is posted again. */
  TRIES: number("1"),
  /** Is asked until it answers 200, before the first post. */
  READY_URL: v.optional(v.string()),
  /** Gets an empty POST after the last one. */
  QUIT_URL: v.optional(v.string()),
});

const env = v.parse(Environment, process.env);
const NEXT_TRY_MS = 50;
const id = `${env.HOSTNAME}-${crypto.randomUUID().slice(0, 8)}`;
const to = env.TARGET.startsWith("unix:")
  ? { path: env.TARGET.slice("unix:".length) }
  : { host: new URL(env.TARGET).hostname, port: Number(new URL(env.TARGET).port) };
const headers: Record<string, string> = {
  "content-type": "application/json",
  ...(env.PREFER === undefined ? {} : { prefer: env.PREFER }),
};
const pad = "x".repeat(env.PAD_BYTES);

const answers: Counts["answers"] = {};
const notTaken: number[] = [];
let posted = 0;
let triedAgain = 0;

if (env.READY_URL !== undefined) await ready(env.READY_URL);
const startedAt = performance.now();
let endAt = startedAt + env.SECONDS * 1000;
process.once("SIGTERM", () => {
  say({ msg: "SIGTERM" });
  endAt = Math.min(endAt, performance.now() + env.LAST_WORDS_MS);
});

const clients = Array.from({ length: env.CONNECTIONS }, () => createClient(to));
await Promise.all(clients.map(paced));
const burstEnd = posted + env.BURST;
await Promise.all(clients.map((client) => burst(client, burstEnd)));
for (const client of clients) client.close();
say({ msg: "counts", poster: id, posted, answers, notTaken: ranges(notTaken), triedAgain } satisfies Counts);
if (env.QUIT_URL !== undefined)
  say({ msg: "quit", status: (await fetch(env.QUIT_URL, { method: "POST" })).status });

async function paced(client: Client): Promise<void> {
  while (performance.now() < endAt) {
    const due = startedAt + (posted / env.RATE) * 1000;
    await Bun.sleep(Math.min(due, endAt) - performance.now());
    if (performance.now() < endAt) await postNext(client);
  }
}

async function burst(client: Client, end: number): Promise<void> {
  while (posted < end) await postNext(client);
}

/** Posts the next event until it is taken, or as often as it may. */
async function postNext(client: Client): Promise<void> {
  const event = posted++;
  const body = JSON.stringify({ key: id, data: { poster: id, number: event, pad } });
  let reply: Reply | undefined;
  for (let tries = 1; tries <= env.TRIES; tries++) {
    reply = await client.post("/api/v1/events/user", body, headers);
    if (isTaken(reply)) break;
    if (tries < env.TRIES) {
      triedAgain++;
      await Bun.sleep(NEXT_TRY_MS);
    }
  }
  note(event, reply);
}

// A declaration, since all of this runs before the last line of the file does.
function isTaken(reply: Reply | undefined): boolean {
  return reply !== undefined && reply.status < 300;
}

function note(event: number, reply: Reply | undefined): void {
  const kind = kindOf(reply);
  if (Object.keys(answers).length === 0) say({ msg: "first answer", kind });
  answers[kind] = (answers[kind] ?? 0) + 1;
  if (!isTaken(reply)) notTaken.push(event);
}

/** Numbers as pairs of a first and a last one. */
function ranges(numbers: number[]): [number, number][] {
  const found: [number, number][] = [];
  for (const each of numbers.toSorted((a, b) => a - b)) {
    const last = found.at(-1);
    if (last !== undefined && last[1] === each - 1) last[1] = each;
    else found.push([each, each]);
  }
  return found;
}

/** The receipt's status, a problem's code, or that there was no answer. */
function kindOf(reply: Reply | undefined): string {
  if (reply === undefined) return "no answer";
  const { body } = v.parse(
    v.object({ body: v.looseObject({ status: v.unknown(), code: v.optional(v.string()) }) }),
    reply,
  );
  return body.code ?? String(body.status);
}

async function ready(url: string): Promise<void> {
  const asked = async () => (await fetch(url).catch(() => undefined))?.status;
  while ((await asked()) !== 200) await Bun.sleep(NEXT_TRY_MS);
}

function say(line: object): void {
  process.stdout.write(`${JSON.stringify({ time: new Date().toISOString(), ...line })}\n`);
}
