import type { EventType } from "../domain/event.ts";
import { listOf, parser, port, text, textOf, wordOr, type Parsed, type Parser } from "./units.ts";

/** An event type as EVENT_TYPES names it; without a topic its events go to KAFKA_TOPIC. */
export type EventMapping = Omit<EventType, "topic"> & { topic?: string };

/** The events that need no configuration. */
export const BUILT_IN_EVENTS: readonly EventMapping[] = [
  { name: "user", type: "user_created" },
  { name: "order", type: "order_created" },
  { name: "payment", type: "payment_created" },
];

/** A name without spaces: it stands in headers, in CloudEvents' `source` and in metric labels. */
export const word: Parser<string> = text(
  "1 to 255 visible ASCII characters without spaces, such as checkout-service",
  /^[!-~]{1,255}$/,
);

/** A topic name as Kafka takes it (org.apache.kafka.common.internals.Topic). */
export const topic: Parser<string> = text(
  "1 to 249 of a-z, A-Z, 0-9, dot, underscore and hyphen, but not . or .., such as events",
  /^(?!\.{1,2}$)[\w.-]{1,249}$/,
  // RE2 has no lookahead.
  textOf(String.raw`[\w.-]{1,249}`),
);

/** Where files are kept: nothing depends on the folder that the process was started in. */
export const path: Parser<string> = text("an absolute path, such as /var/lib/sidepost", /^\/[^\0]*$/);

export const brokers: Parser<"embedded" | string[]> = wordOr(
  "embedded",
  listOf(
    parser(
      "host:port, such as kafka-0:9092,kafka-1:9092",
      textOf(String.raw`(\[[0-9a-fA-F:.]+\]|[\w.-]+):[0-9]{1,5}`),
      (seen) => {
        const [, digits] = /^(?:\[[\da-fA-F:.]+\]|[\w.-]+):(\d{1,5})$/.exec(seen) ?? [];
        return digits !== undefined && port(digits, 1) !== undefined ? seen : undefined;
      },
    ),
  ),
);

export const origins: Parser<"*" | string[]> = wordOr(
  "*",
  listOf(
    parser(
      "origins, such as https://app.example.com,http://localhost:3000",
      textOf("[a-z][a-z0-9+.-]*://[^/, ]+"),
      (seen) => (URL.canParse(seen) && new URL(seen).origin === seen ? seen : undefined),
    ),
  ),
);

const mappings = listOf(
  parser(
    "name=type or name=type@topic, each name once, such as refund=payment_refunded@payments",
    textOf(String.raw`[\w.-]{1,100}=[\w.-]{1,100}(@[\w.-]{1,249})?`),
    (seen): EventMapping | undefined => {
      const [, name, type, to] = /^([\w.-]{1,100})=([\w.-]{1,100})(?:@(.+))?$/.exec(seen) ?? [];
      if (name === undefined || type === undefined) return undefined;
      if (to === undefined) return { name, type };
      return "value" in topic.parse(to) ? { name, type, topic: to } : undefined;
    },
  ),
);

export const eventMappings: Parser<EventMapping[]> = {
  allowed: mappings.allowed,
  schema: mappings.schema,
  parse(seen): Parsed<EventMapping[]> {
    const parsed = mappings.parse(seen);
    if ("refused" in parsed) return parsed;
    const names = parsed.value.map(({ name }) => name);
    const twice = names.find((name, index) => names.indexOf(name) !== index);
    return twice === undefined ? parsed : { refused: seen };
  },
};
