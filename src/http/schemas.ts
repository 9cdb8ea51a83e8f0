import * as v from "valibot";

import { type Failure, failure, type Violation } from "../domain/errors.ts";
import { EVENT_MEMBERS, MAX_HEADERS, RESERVED_HEADERS } from "../domain/event.ts";
import type { Framing } from "../domain/ports.ts";

/** A batch of 10,000 wrong events need not be answered with 10,000 sentences, nor looked at any further. */
const MAX_VIOLATIONS = 100;

const DATE = [
  String.raw`\d{4}-(?:0[13578]|1[02])-(?:0[1-9]|[12]\d|3[01])`,
  String.raw`\d{4}-(?:0[469]|11)-(?:0[1-9]|[12]\d|30)`,
  String.raw`\d{4}-02-(?:0[1-9]|1\d|2[0-8])`,
  String.raw`(?:\d\d(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)-02-29`,
].join("|");
const CLOCK = String.raw`(?:[01]\d|2[0-3]):[0-5]\d`;
/** A date-time of RFC 3339, section 5.6, on a real day, without leap seconds. */
const RFC_3339 = new RegExp(String.raw`^(?:${DATE})[Tt]${CLOCK}:[0-5]\d(?:\.\d+)?(?:[Zz]|[+-]${CLOCK})$`);

const text = ({ minBytes = 0, maxBytes = Infinity }: { minBytes?: number; maxBytes?: number }) =>
  v.pipe(
    v.string(ofKind("a string")),
    v.check(
      (value) => {
        const bytes = Buffer.byteLength(value);
        return bytes >= minBytes && bytes <= maxBytes;
      },
      ({ input }) => `must have ${minBytes} to ${maxBytes} bytes, not ${Buffer.byteLength(input)}`,
    ),
  );

const members = {
  data: v.pipe(
    v.unknown(),
    v.check(
      (data) => typeof data !== "string" || isJson(data),
      ({ input }) => `must be JSON, or a string that holds JSON text, not ${show(input)}`,
    ),
  ),
  key: v.exactOptional(text(EVENT_MEMBERS.key)),
  headers: v.exactOptional(
    v.pipe(
      v.custom<object>(isObject, ofKind("an object")),
      v.check(
        (headers) => Object.keys(headers).length <= MAX_HEADERS,
        ({ input }) => `must have at most ${MAX_HEADERS} headers, not ${Object.keys(input).length}`,
      ),
      v.rawCheck(({ dataset, addIssue }) => {
        if (!dataset.typed || dataset.issues !== undefined) return;
        for (const [key, value] of Object.entries(dataset.value)) {
          const message = wrongHeader(key, value);
          if (message === undefined) continue;
          const path = [{ type: "object", origin: "value", input: dataset.value, key, value }] as const;
          addIssue({ message, path: [...path] as never });
        }
      }),
    ),
  ),
  id: v.exactOptional(text(EVENT_MEMBERS.id)),
  time: v.exactOptional(
    v.pipe(
      v.string(ofKind("a string")),
      v.regex(RFC_3339, ofKind("a date-time of RFC 3339, such as 2024-01-01T12:00:00Z")),
    ),
  ),
};

function wrongHeader(name: string, value: unknown): string | undefined {
  const { prefix, names } = RESERVED_HEADERS;
  const lower = name.toLowerCase();
  if (lower.startsWith(prefix) || names.includes(lower))
    return "is a header of CloudEvents, which sidepost sets itself";
  // Whoever gets it from librdkafka would see the part before it.
  if (name.includes("\0")) return "must have no NUL in its name";
  return typeof value === "string" ? undefined : ofKind("a string")({ input: value });
}

/** An object of these members and no others. valibot's own strict object would name the first unknown member only. */
function strictly(entries: v.ObjectEntries) {
  const known = v.object(entries, "is missing");
  const never = v.never(`is not known; allowed: ${Object.keys(entries).join(", ")}`);
  return v.pipe(
    v.custom<object>(isObject, ofKind("an object")),
    v.lazy((input) => {
      const unknown = Object.keys(input as object)
        .values()
        .filter((name) => !Object.hasOwn(entries, name))
        .take(MAX_VIOLATIONS + 1)
        .map((name) => [name, never] as const)
        .toArray();
      return unknown.length === 0
        ? known
        : v.object({ ...entries, ...Object.fromEntries(unknown) }, "is missing");
    }),
  );
}

/** A single post. */
const Single = strictly(members);

/** An event of a batch, which names its type. */
const inBatch = (names: readonly string[]) =>
  strictly({
    type: v.picklist(names, ({ input }) => `is ${show(input)}; allowed: ${names.join(", ")}`),
    ...members,
  });

/** How the events lie in a body. */
export type BodyShape = Framing | "single";

/**
 * Says what is wrong with a body that the scanner refused, every place by its JSON pointer. Undefined where nothing is,
 * which means that the scanner and this schema disagree.
 */
export function explain(body: Uint8Array, shape: BodyShape, names: readonly string[]): Failure | undefined {
  let input: unknown;
  try {
    const decoded = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(body);
    input = shape === "lines" ? parseLines(decoded) : JSON.parse(decoded);
  } catch {
    return failure("malformed-body", "the body is not JSON");
  }
  const violations =
    shape === "single" ? violationsOf(Single, input) : violationsOfMany(inBatch(names), input);
  if (violations.length === 0) return undefined;
  const first = violations.slice(0, 3).map(({ pointer, detail }) => `${pointer || "the body"} ${detail}`);
  const left = violations.length - first.length;
  const more = violations.length > MAX_VIOLATIONS ? "; and more" : left > 0 ? `; and ${left} more` : "";
  return failure("invalid-event", first.join("; ") + more, {
    violations: violations.slice(0, MAX_VIOLATIONS),
  });
}

const parseLines = (body: string): unknown[] =>
  body
    .split("\n")
    .filter((line) => !/^[ \t\r]*$/.test(line))
    .map((line) => JSON.parse(line));

/** Event by event: valibot would collect every issue of a body of a million wrong ones, in gigabytes. */
function violationsOfMany(schema: v.GenericSchema, events: unknown): Violation[] {
  if (!Array.isArray(events))
    return [{ pointer: "", detail: ofKind("an array of events")({ input: events }) }];
  const violations: Violation[] = [];
  for (const [index, event] of events.entries()) {
    violations.push(...violationsOf(schema, event, `/${index}`));
    if (violations.length > MAX_VIOLATIONS) break;
  }
  return violations;
}

const violationsOf = (schema: v.GenericSchema, event: unknown, place = ""): Violation[] =>
  (v.safeParse(schema, event).issues ?? []).map(({ path, message }) => ({
    pointer: place + (path ?? []).map(({ key }) => `/${escaped(String(key))}`).join(""),
    detail: message,
  }));

/** As RFC 6901 asks. */
const escaped = (key: string): string => key.replaceAll("~", "~0").replaceAll("/", "~1");

function isObject(value: unknown): boolean {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

function ofKind(kind: string) {
  return ({ input }: { input: unknown }) => `must be ${kind}, not ${show(input)}`;
}

/** A value as a person would want to see it: short. */
function show(value: unknown): string {
  if (Array.isArray(value)) return "an array";
  if (value !== null && typeof value === "object") return "an object";
  const shown = JSON.stringify(value) ?? String(value);
  return shown.length > 60 ? `${shown.slice(0, 60)}…` : shown;
}

function isJson(value: string): boolean {
  try {
    JSON.parse(value);
    return true;
  } catch {
    return false;
  }
}
