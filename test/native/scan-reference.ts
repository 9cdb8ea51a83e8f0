import { createRequire } from "node:module";
import * as v from "valibot";

/** What a scan gives. Absent members are null; `type` is an index into the spec's types. */
export interface Scan {
  status: "ok" | "malformed" | "invalid";
  events?: ScannedEvent[];
}

export interface ScannedEvent {
  type: number;
  data: string;
  key: string | null;
  id: string | null;
  time: string | null;
  headers: [string, string][];
}

const TYPES = ["user", "order", "payment-of-more-than-16-bytes"] as const;

const SPEC = {
  types: TYPES,
  members: [
    { name: "type", kind: "type", required: true },
    { name: "data", kind: "data", required: true },
    { name: "key", kind: "key", required: false, maxBytes: 40 },
    { name: "headers", kind: "headers", required: false },
    { name: "id", kind: "id", required: false, minBytes: 1, maxBytes: 30 },
    { name: "time", kind: "time", required: false },
  ],
  maxHeaders: 3,
};

type NativeScan = (body: Uint8Array, ndjson: boolean, spec: typeof SPEC) => Scan & { offset: number };

const core = createRequire(import.meta.url)("@confluentinc/kafka-javascript/librdkafka.js") as {
  scan: NativeScan;
};

/** The native scanner, with the limits that {@link reference} has. */
export const scan = (body: Uint8Array, ndjson: boolean) => core.scan(body, ndjson, SPEC);

const DATE = [
  "\\d{4}-(?:0[13578]|1[02])-(?:0[1-9]|[12]\\d|3[01])",
  "\\d{4}-(?:0[469]|11)-(?:0[1-9]|[12]\\d|30)",
  "\\d{4}-02-(?:0[1-9]|1\\d|2[0-8])",
  "(?:\\d\\d(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)-02-29",
].join("|");
const CLOCK = "(?:[01]\\d|2[0-3]):[0-5]\\d";
const RFC_3339 = new RegExp(`^(?:${DATE})[Tt]${CLOCK}:[0-5]\\d(?:\\.\\d+)?(?:[Zz]|[+-]${CLOCK})$`);

const isStringMap = (value: unknown): boolean =>
  typeof value === "object" &&
  value !== null &&
  !Array.isArray(value) &&
  Object.keys(value).length <= SPEC.maxHeaders &&
  Object.values(value).every((header) => typeof header === "string");

const EventSchema = v.strictObject({
  type: v.picklist(TYPES),
  data: v.pipe(
    v.unknown(),
    v.check((data) => typeof data !== "string" || isJson(data)),
  ),
  key: v.exactOptional(v.pipe(v.string(), v.maxBytes(40))),
  headers: v.exactOptional(v.custom<Record<string, string>>(isStringMap)),
  id: v.exactOptional(v.pipe(v.string(), v.minBytes(1), v.maxBytes(30))),
  time: v.exactOptional(v.pipe(v.string(), v.regex(RFC_3339))),
});
type ParsedEvent = v.InferOutput<typeof EventSchema>;

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** What the scanner must decide, by TextDecoder, JSON.parse and valibot. */
export function reference(
  body: Uint8Array,
  ndjson: boolean,
): { status: Scan["status"]; events?: ParsedEvent[] } {
  let items: unknown;
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(body);
    items = ndjson ? parseLines(text) : JSON.parse(text);
  } catch {
    return { status: "malformed" };
  }
  if (!Array.isArray(items)) return { status: "invalid" };
  const parsed = v.safeParse(v.array(EventSchema), items);
  return parsed.success ? { status: "ok", events: parsed.output } : { status: "invalid" };
}

const parseLines = (text: string): unknown[] =>
  text
    .split("\n")
    .filter((line) => !/^[ \t\r]*$/.test(line))
    .map((line) => JSON.parse(line));

const wellFormed = (text: string | undefined): string | null => text?.toWellFormed() ?? null;

const sameData = (scanned: string, data: unknown): boolean =>
  typeof data === "string"
    ? scanned === data.toWellFormed()
    : JSON.stringify(JSON.parse(scanned)) === JSON.stringify(data);

function sameEvent(scanned: ScannedEvent, event: ParsedEvent): boolean {
  const headers = Object.entries(event.headers ?? {}).map(([name, value]) => [
    name.toWellFormed(),
    value.toWellFormed(),
  ]);
  return (
    TYPES[scanned.type] === event.type &&
    sameData(scanned.data, event.data) &&
    scanned.key === wellFormed(event.key) &&
    scanned.id === wellFormed(event.id) &&
    scanned.time === wellFormed(event.time) &&
    Bun.deepEquals(Object.fromEntries(scanned.headers), Object.fromEntries(headers))
  );
}

/** Throws where the scanner and the reference differ. Returns what they agree on. */
export function agreedScan(body: Uint8Array, ndjson: boolean): Scan {
  const scanned = scan(body, ndjson);
  const expected = reference(body, ndjson);
  const same =
    scanned.status === expected.status &&
    scanned.offset <= body.length &&
    scanned.events?.length === expected.events?.length &&
    (expected.events ?? []).every((event, i) => {
      const other = scanned.events?.[i];
      return other !== undefined && sameEvent(other, event);
    });
  if (same) return scanned;
  const text = JSON.stringify(Buffer.from(body).toString("latin1"));
  throw new Error(
    `${ndjson ? "NDJSON" : "array"} ${text} (latin1): scanned ${JSON.stringify(scanned)}, expected ${JSON.stringify(expected)}`,
  );
}
