import type { EventType } from "../domain/event.ts";
import { PROPERTY_PREFIX, isSecret, propertyName } from "./names.ts";
import { brokenPromise } from "./promises.ts";
import { SCHEMA, type Config, type Field, type Values } from "./schema.ts";
import { readSettings, type Env, type ReadFile, type Settings } from "./settings.ts";
import type { Address } from "./units.ts";
import { BUILT_IN_EVENTS, type EventMapping } from "./values.ts";

/** Says what is wrong with a librdkafka property, or undefined when librdkafka takes it. */
export type CheckProperty = (name: string, value: string) => string | undefined;

/** The configuration and the texts it came from, or everything that is wrong with it. Warnings stop nothing. */
export type Loaded =
  { config: Config; settings: Settings; warnings: string[] } | { faults: string[]; warnings: string[] };

/** Reads the whole configuration from `env`. Throws nothing; no secret stands in a fault. */
export function loadConfig(
  env: Env,
  { readFile, checkProperty }: { readFile: ReadFile; checkProperty: CheckProperty },
): Loaded {
  const { settings, chosen, faults, warnings } = readSettings(env, readFile);
  const fields = parseFields(settings);
  const properties = parseProperties(settings, checkProperty);
  faults.push(...fields.faults, ...properties.faults, ...crossFaults(fields.values));
  if (faults.length > 0) return { faults, warnings };
  // Without a fault every field has its value.
  const batchSizeChosen = chosen.has(SCHEMA.kafka.batchSize.name);
  return {
    config: toConfig(fields.values as Values, properties.values, batchSizeChosen),
    settings,
    warnings,
  };
}

type Draft = { [G in keyof Values]: Partial<Values[G]> };

function parseFields(settings: Settings) {
  const faults: string[] = [];
  const parseGroup = (group: Record<string, Field<unknown>>) => {
    const values: Record<string, unknown> = {};
    for (const [key, { name, parser, ...field }] of Object.entries(group)) {
      const parsed = parser.parse(settings.get(name) ?? field.default);
      if ("value" in parsed) values[key] = parsed.value;
      else faults.push(`${name}: ${shown(name, parsed.refused)} is not allowed; expected ${parser.allowed}`);
    }
    return values;
  };
  const groups = Object.entries(SCHEMA).map(([name, group]) => [name, parseGroup(group)]);
  return { values: Object.fromEntries(groups) as Draft, faults };
}

function parseProperties(settings: Settings, checkProperty: CheckProperty) {
  const values: Record<string, string> = {};
  const faults: string[] = [];
  for (const [name, text] of settings) {
    if (!name.startsWith(PROPERTY_PREFIX)) continue;
    const property = propertyName(name);
    const fault = propertyFault(name, property, text, checkProperty);
    if (fault === undefined) values[property] = text;
    else faults.push(fault);
  }
  return { values, faults };
}

function propertyFault(name: string, property: string, text: string, checkProperty: CheckProperty) {
  const broken = brokenPromise(property, text);
  if (broken) return `${name}: ${shown(name, text)} is not allowed; ${broken}`;
  const refused = checkProperty(property, text);
  if (refused === undefined) return undefined;
  // What a misspelt name was meant to be, a password perhaps, nobody knows.
  if (refused.startsWith("No such configuration property"))
    return `${name} is not allowed; librdkafka says: ${refused}`;
  return `${name}: ${shown(name, text)} is not allowed; librdkafka says: ${hidden(name, text, refused)}`;
}

const shown = (name: string, text: string): string => (isSecret(name) ? "(hidden)" : JSON.stringify(text));

/** librdkafka repeats the value in some of its messages. */
const hidden = (name: string, text: string, message: string): string =>
  isSecret(name) ? message.replaceAll(text, "(hidden)") : message;

function crossFaults({ server, kafka, metrics, app }: Draft): string[] {
  const faults: string[] = [];
  if (app.env === "production" && kafka.brokers === "embedded")
    faults.push(
      'KAFKA_BROKER_LIST: "embedded" is not allowed with APP_ENV=production, it keeps events in memory; expected real brokers, such as kafka-0:9092',
    );
  if (server.address && metrics.address && collide(server.address, metrics.address))
    faults.push(
      "METRICS_PORT is not allowed to be the port of SERVER_ADDRESS; expected two, such as :9090 and :8080",
    );
  return faults;
}

/** Port 0 is another free port each time. */
function collide(a: Address, b: Address): boolean {
  if ("unix" in a) return "unix" in b && a.unix === b.unix;
  return "port" in b && a.port === b.port && a.port !== 0;
}

function toConfig(values: Values, properties: Record<string, string>, batchSizeChosen: boolean): Config {
  const { brokers, topic } = values.kafka;
  const embedded = brokers === "embedded";
  return {
    ...values,
    kafka: {
      ...values.kafka,
      brokers: embedded ? "" : brokers.join(","),
      embedded,
      properties,
      batchSizeChosen,
    },
    events: { ...values.events, types: eventTypes(values.events.types, topic) },
  };
}

function eventTypes(mapped: readonly EventMapping[], defaultTopic: string): EventType[] {
  const byName = new Map([...BUILT_IN_EVENTS, ...mapped].map((mapping) => [mapping.name, mapping]));
  return Array.from(byName.values(), ({ name, type, topic = defaultTopic }) => ({ name, type, topic }));
}
