import { EVENT_MEMBERS, MAX_HEADERS, RESERVED_HEADERS } from "../../src/domain/event.ts";
import { type EventCore, type EventOptions, eventCore } from "../../src/infrastructure/kafka/core.ts";
import type { Open } from "./support.ts";

/** A body of JSON. */
export const bytes = (body: unknown): Uint8Array => Buffer.from(JSON.stringify(body));

/** What the core is told of events: "user" goes to the topic users, "order" to orders. */
export const OPTIONS: EventOptions = {
  maxMessages: 1000,
  maxBytes: 1_000_000,
  maxMessageBytes: 1_000_000,
  patience: 60_000,
  renewable: true,
  scan: {
    types: ["user", "order"],
    members: Object.values(EVENT_MEMBERS),
    maxHeaders: MAX_HEADERS,
    reservedHeaders: RESERVED_HEADERS,
  },
  events: [
    { type: "user_created", topic: "users" },
    { type: "order_created", topic: "orders" },
  ],
  source: "test",
  binary: false,
};

/** The core of a connected producer, ready for posts. */
export function configured({ producer }: Open, options: Partial<EventOptions> = {}): EventCore {
  const core = eventCore(producer);
  core.configureEvents({ ...OPTIONS, ...options });
  return core;
}

/** Sends a batch that must be taken. `done` resolves with the receipts' JSON, where there is one. */
export function sent(core: EventCore, events: readonly unknown[]) {
  const done = Promise.withResolvers<string | undefined>();
  const settle = (json?: Uint8Array) => done.resolve(json && String(Buffer.from(json)));
  const batch = core.produceBatch(bytes(events), false, settle, true);
  if (typeof batch === "number") throw new Error(`refused with ${batch}`);
  return { ...batch, done: done.promise };
}

/** For batches that must be refused. */
export const never = () => {
  throw new Error("nothing was taken");
};
