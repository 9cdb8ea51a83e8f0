import { join } from "node:path";
import { freePorts } from "../helpers/ports.ts";
import * as v from "valibot";
import type { ConsumedRecord } from "../helpers/consume.ts";
import { type Family, parseExposition } from "../helpers/exposition.ts";
import type { SharedKafka } from "../helpers/kafka.ts";
import { type Sidepost, startSidepost } from "../helpers/process.ts";
import { waitUntil } from "../helpers/wait.ts";

/** Milliseconds for a test that starts processes on a machine that has other work. */
export const MINUTE = 60_000;

/** A name that no other test has. */
export const uniqueName = (base: string): string => `${base}-${crypto.randomUUID()}`;

/** Creates a topic of one's own. */
export async function newTopic(
  kafka: SharedKafka,
  partitions = 1,
  configs: Record<string, string> = {},
): Promise<string> {
  const topic = uniqueName("e2e");
  await kafka.createTopic(topic, partitions, configs);
  return topic;
}

/** Starts sidepost on a topic; it knows its broker within half a second of that coming up. */
export const startOn = (bootstrap: string, topic: string, env: Record<string, string> = {}) =>
  startSidepost({
    env: {
      KAFKA_BROKER_LIST: bootstrap,
      KAFKA_TOPIC: topic,
      SERVER_SHUTDOWN_TIMEOUT: "5s",
      RDKAFKA_RECONNECT_BACKOFF_MAX_MS: "500",
      ...env,
    },
  });

export interface Answer {
  status: number;
  headers: Headers;
  body: unknown;
}

export const ASYNC = { prefer: "respond-async" };
export const NDJSON = { "content-type": "application/x-ndjson" };

/** Posts to the Events API; `path` comes after /api/v1/events. */
export const post = (
  { url }: Pick<Sidepost, "url">,
  path: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> =>
  ask(`${url}/api/v1/events${path}`, {
    method: "POST",
    body: typeof body === "string" ? body : JSON.stringify(body),
    headers: { "content-type": "application/json", ...headers },
  });

/** Sends a request and reads its JSON answer. */
export async function ask(url: string, init: RequestInit = {}): Promise<Answer> {
  const response = await fetch(url, init);
  return { status: response.status, headers: response.headers, body: await response.json() };
}

/** Asks until the answer has this status; throws with the last answer after 30 s. */
export async function untilStatus(url: string, status: number): Promise<Answer> {
  let last: Answer | undefined;
  const check = async (): Promise<Answer | undefined> => {
    last = await ask(url);
    return last.status === status ? last : undefined;
  };
  return waitUntil(
    check,
    30_000,
    () => new Error(`${url} did not answer ${status}: ${JSON.stringify(last)}`),
  );
}

const Receipt = v.looseObject({ id: v.string() });
const Batch = v.object({ receipts: v.array(Receipt) });

/** The event ids that an answer names, of one post or of many. */
export function idsOf({ body }: Pick<Answer, "body">): string[] {
  const batch = v.safeParse(Batch, body);
  const receipts = batch.success ? batch.output.receipts : [v.parse(Receipt, body)];
  return receipts.map(({ id }) => id);
}

/** The CloudEvents id of a structured record. */
export const idOf = ({ value }: ConsumedRecord): string => v.parse(Receipt, JSON.parse(String(value))).id;

/** The metrics as they are now. */
export async function metricsOf({ adminUrl }: Sidepost): Promise<Map<string, Family>> {
  const response = await fetch(`${adminUrl}/metrics`);
  return parseExposition(await response.text());
}

/** The metrics as they are now, each summed over its labels. */
export async function figuresOf(sidepost: Sidepost): Promise<(name: string) => number> {
  const families = await metricsOf(sidepost);
  return (name) => Array.from(families.get(name)?.samples.values() ?? [Number.NaN]).reduce((a, b) => a + b);
}

/** Waits until so many events are on disk. */
export const untilStored = (sidepost: Sidepost, count: number): Promise<true> =>
  waitUntil(
    async () => (await figuresOf(sidepost))("producer_spool_events") === count || undefined,
    MINUTE,
    () => new Error(`there are never ${count} events on disk`),
  );

/** A broker that nobody is. */
export const nobody = async (): Promise<string> => `127.0.0.1:${(await freePorts(1))[0]}`;

/** The settings of a spool of one's own in this folder. */
export const spoolIn = (folder: string, mode: "always" | "overflow", more: Record<string, string> = {}) => ({
  SPOOL_MODE: mode,
  SPOOL_DIR: join(folder, crypto.randomUUID()),
  ...more,
});
