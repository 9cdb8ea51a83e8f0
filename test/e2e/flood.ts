import type { Sidepost } from "../helpers/process.ts";
import { ASYNC, NDJSON } from "./support.ts";

/** A post that clients repeat without a pause, whatever the answer is. */
interface Load {
  path: string;
  body: string;
  /** How many events the body holds. */
  events: number;
  clients: number;
  headers: Record<string, string>;
  /** Sent in parts, without a Content-Length. */
  chunked?: true;
  /** Each post has an Idempotency-Key of its own. */
  keyed?: true;
}

const JSON_BODY = { "content-type": "application/json" };
const many = (count: number, event: unknown): string => `${JSON.stringify(event)}\n`.repeat(count);
const text = (bytes: number): string[] => ["x".repeat(bytes)];

const SMALL: Load = {
  path: "/user",
  body: '{"data":1}',
  events: 1,
  clients: 8,
  headers: { ...JSON_BODY, ...ASYNC },
};

/** Events of which most of the memory is not their bytes. */
export const SMALL_ALONE: readonly Load[] = [{ ...SMALL, clients: 64 }];

/** The same with what is kept of each post for the next one like it. */
export const KEYED_ALONE: readonly Load[] = [{ ...SMALL, clients: 64, keyed: true }];

/** Events that fill memory soon. */
export const LARGE_ALONE: readonly Load[] = [
  {
    path: "/user",
    body: JSON.stringify({ data: text(50_000) }),
    events: 1,
    clients: 16,
    headers: { ...JSON_BODY, ...ASYNC },
  },
];

/** Small and large, single and in batches, waiting and not: each kind has a memory cost of its own. */
export const ALL_KINDS: readonly Load[] = [
  SMALL,
  { path: "/user", body: '{"data":1}', events: 1, clients: 64, headers: JSON_BODY },
  {
    path: "/user",
    body: JSON.stringify({ data: text(900_000) }),
    events: 1,
    clients: 4,
    headers: { ...JSON_BODY, ...ASYNC },
  },
  ...[
    { count: 1000, clients: 4, event: { type: "user", data: 1, key: "k", headers: { a: "b" } } },
    { count: 30_000, clients: 2, event: { type: "user", data: 1 } },
    { count: 900, clients: 2, event: { type: "user", data: text(4000) } },
  ].map(({ count, clients, event }) => ({
    path: "",
    body: many(count, event),
    events: count,
    clients,
    headers: { ...NDJSON, ...ASYNC },
  })),
  { path: "", body: many(100, { type: "user", data: text(100) }), events: 100, clients: 4, headers: NDJSON },
  {
    path: "",
    body: many(500, { type: "user", data: text(4000) }),
    events: 500,
    clients: 2,
    headers: { ...NDJSON, ...ASYNC },
    chunked: true,
  },
];

export interface Flood {
  /** How many events were posted. */
  attempted: number;
  /** How many of them were taken, by the answers. */
  taken: number;
  /** How many answers of each status. */
  statuses: Record<number, number>;
  /** Posts that got no answer. */
  errors: string[];
}

/** Milliseconds that a flood of `ms` may last where the machine is busy. */
export const floodPatience = (ms: number): number => 10 * ms + 60_000;

/** Lets all clients post for `ms` milliseconds, and longer, within {@link floodPatience}, until `events` were posted. */
export async function flood(
  { url }: Pick<Sidepost, "url">,
  events: number,
  ms: number,
  loads = ALL_KINDS,
): Promise<Flood> {
  const result: Flood = { attempted: 0, taken: 0, statuses: {}, errors: [] };
  const start = performance.now();
  const goesOn = (): boolean => {
    const elapsed = performance.now() - start;
    return elapsed < ms || (elapsed < floodPatience(ms) && result.attempted < events);
  };
  async function client(load: Load): Promise<void> {
    while (goesOn()) {
      result.attempted += load.events;
      const status = await postOnce(url, load).catch((error) => void result.errors.push(String(error)));
      if (status === undefined) continue;
      result.statuses[status] = (result.statuses[status] ?? 0) + 1;
      if (status !== 503) result.taken += load.events;
    }
  }
  await Promise.all(loads.flatMap((load) => Array.from({ length: load.clients }, () => client(load))));
  return result;
}

async function postOnce(url: string, { path, body, headers, chunked, keyed }: Load): Promise<number> {
  const response = await fetch(`${url}/api/v1/events${path}`, {
    method: "POST",
    headers: keyed ? { ...headers, "idempotency-key": crypto.randomUUID() } : headers,
    body: chunked ? parts(body) : body,
  });
  await response.arrayBuffer();
  return response.status;
}

const PART = 64 * 1024;

/** A stream of unknown length: fetch would know that of a Blob's. */
function parts(body: string): ReadableStream<string> {
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at >= body.length) return controller.close();
      controller.enqueue(body.slice(at, at + PART));
      at += PART;
    },
  });
}
