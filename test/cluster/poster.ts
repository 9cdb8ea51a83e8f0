import * as v from "valibot";
import { createClient, type Reply } from "../chaos/client.ts";
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
const triedAgain: Counts["triedAgain"] = {};

if (env.READY_URL !== undefined) await ready(env.READY_URL);
const startedAt = performance.now();
let endAt = startedAt + env.SECONDS * 1000;
process.once("SIGTERM", () => {
  say({ msg: "SIGTERM" });
  endAt = Math.min(endAt, performance.now() + env.LAST_WORDS_MS);
});

const posters = Array.from({ length: env.CONNECTIONS }, createPoster);
await Promise.all(posters.map(paced));
const burstEnd = posted + env.BURST;
await Promise.all(posters.map((each) => burst(each, burstEnd)));
for (const each of posters) each.close();
say({ msg: "counts", poster: id, posted, answers, notTaken: ranges(notTaken), triedAgain } satisfies Counts);
if (env.QUIT_URL !== undefined)
  say({ msg: "quit", status: (await fetch(env.QUIT_URL, { method: "POST" })).status });

/** A connection of its own, and what became of its last post: a receipt's status, a problem's code, or none of these. */
function createPoster() {
  let kind = "";
  const client = createClient(to, () => (kind = "unreachable"));
  return {
    close: client.close,
    async post(body: string): Promise<{ kind: string; taken: boolean }> {
      kind = "no answer";
      const reply = await client.post("/api/v1/events/user", body, headers);
      if (reply !== undefined) kind = kindOf(reply);
      return { kind, taken: reply !== undefined && reply.status < 300 };
    },
  };
}

type Poster = ReturnType<typeof createPoster>;

async function paced(poster: Poster): Promise<void> {
  while (performance.now() < endAt) {
    const due = startedAt + (posted / env.RATE) * 1000;
    await Bun.sleep(Math.min(due, endAt) - performance.now());
    if (performance.now() < endAt) await postNext(poster);
  }
}

async function burst(poster: Poster, end: number): Promise<void> {
  while (posted < end) await postNext(poster);
}

/** Posts the next event until it is taken, or as often as it may. */
async function postNext({ post }: Poster): Promise<void> {
  const event = posted++;
  const body = JSON.stringify({ key: id, data: { poster: id, number: event, pad } });
  let { kind, taken } = await post(body);
  for (let tries = 1; !taken && tries < env.TRIES; tries++) {
    say({ msg: "tried again", event, kind });
    triedAgain[kind] = (triedAgain[kind] ?? 0) + 1;
    await Bun.sleep(NEXT_TRY_MS);
    ({ kind, taken } = await post(body));
  }
  if (Object.keys(answers).length === 0) say({ msg: "first answer", kind });
  answers[kind] = (answers[kind] ?? 0) + 1;
  if (!taken) notTaken.push(event);
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

function kindOf({ body }: Reply): string {
  const { status, code } = v.parse(
    v.looseObject({ status: v.unknown(), code: v.optional(v.string()) }),
    body,
  );
  return code ?? String(status);
}

async function ready(url: string): Promise<void> {
  const asked = async () => (await fetch(url).catch(() => undefined))?.status;
  while ((await asked()) !== 200) await Bun.sleep(NEXT_TRY_MS);
}

function say(line: object): void {
  process.stdout.write(`${JSON.stringify({ time: new Date().toISOString(), ...line })}\n`);
}
