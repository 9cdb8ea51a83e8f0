import * as v from "valibot";
import { waitUntil } from "../helpers/wait.ts";
import { createClient, type Reply } from "./client.ts";
import type { Random } from "./random.ts";
import type { Style } from "./styles.ts";

/** An event that was posted, and what was said of it. */
export interface Posted {
  style: Style;
  poster: number;
  /** Grows with each event of the poster. */
  number: number;
  key: string | null;
  /** The first number of its post. */
  post: number;
  /** Milliseconds since the epoch. */
  at: number;
  answeredAt?: number;
  status?: number;
  receipt?: Receipt;
}

const Receipt = v.variant("status", [
  v.looseObject({
    status: v.literal("delivered"),
    id: v.string(),
    topic: v.string(),
    partition: v.number(),
    offset: v.nullable(v.number()),
  }),
  v.looseObject({ status: v.picklist(["stored", "accepted", "failed"]), id: v.string() }),
]);
export type Receipt = v.InferOutput<typeof Receipt>;
const Receipts = v.object({ receipts: v.array(Receipt) });

const MINUTE = 60_000;

export interface LoadOptions {
  port: number;
  random: Random;
  /** A poster for each. */
  styles: readonly Style[];
  /** No more events are posted than that. */
  maxEvents: number;
}

export interface Load {
  posted: Posted[];
  /** Resolves when every poster has got so many answers more; throws after a minute. */
  untilAnswered(more: number): Promise<void>;
  /** Resolves when every poster has its last answer, or knows that there is none. */
  stop(): Promise<void>;
}

/** Posters that go on whatever happens. Each has a key of its own, and posts the next when the last one is answered. */
export function startLoad({ port, random, styles, maxEvents }: LoadOptions): Load {
  const posted: Posted[] = [];
  const answers = styles.map(() => 0);
  const stopping = new AbortController();

  async function poster(style: Style, index: number): Promise<void> {
    const client = createClient({ host: "127.0.0.1", port });
    for (let number = 0; !stopping.signal.aborted && posted.length < maxEvents;) {
      const events = compose(style, index, number, random);
      number += events.length;
      posted.push(...events);
      const reply = await client.post(
        `/api/v1/events${style.path}`,
        bodyOf(style, events, random),
        headersOf(style),
      );
      note(events, reply);
      if (reply !== undefined) answers[index]!++;
      await Bun.sleep(pause(reply, random));
    }
    client.close();
  }

  const posters = Promise.all(styles.map(poster));
  return {
    posted,
    async untilAnswered(more) {
      const wanted = answers.map((had) => had + more);
      const reached = () =>
        answers.every((has, i) => has >= wanted[i]!) || posted.length >= maxEvents || undefined;
      await waitUntil(reached, MINUTE, () => new Error(`answers to each poster: ${answers.join(", ")}`));
    },
    async stop() {
      stopping.abort();
      await posters;
    },
  };
}

/** Milliseconds. Who was refused waits longer. */
const pause = (reply: Reply | undefined, random: Random): number =>
  reply !== undefined && reply.status < 300 ? random.between(5, 25) : random.between(20, 60);

function compose(style: Style, poster: number, first: number, { between }: Random): Posted[] {
  const key = style.keyed ? `key-${poster}` : null;
  const count = style.batch === undefined || style.atomic ? (style.batch ?? 1) : between(1, style.batch);
  const at = Date.now();
  return Array.from({ length: count }, (_, i) => ({
    style,
    poster,
    number: first + i,
    key,
    post: first,
    at,
  }));
}

function bodyOf(style: Style, events: Posted[], { between }: Random): string {
  const type = style.to === "main" ? "user" : style.to;
  const bodies = events.map(({ poster, number, key }) => ({
    ...(style.batch === undefined ? {} : { type }),
    ...(key === null ? {} : { key }),
    data: { poster, number, pad: "x".repeat(between(0, 400)) },
  }));
  return JSON.stringify(style.batch === undefined ? bodies[0] : bodies);
}

const headersOf = ({ async }: Style): Record<string, string> => ({
  "content-type": "application/json",
  ...(async ? { prefer: "respond-async" } : {}),
});

/** Notes an answer: receipts where something was taken, and otherwise the status alone. */
function note(events: Posted[], reply: Reply | undefined): void {
  if (reply === undefined) return;
  const receipts = reply.status < 300 ? receiptsOf(reply.body) : [];
  for (const [index, event] of events.entries()) {
    event.answeredAt = Date.now();
    event.status = reply.status;
    const receipt = receipts[index];
    if (receipt !== undefined) event.receipt = receipt;
  }
}

function receiptsOf(body: unknown): Receipt[] {
  const many = v.safeParse(Receipts, body);
  return many.success ? many.output.receipts : [v.parse(Receipt, body)];
}
