import { createRequire } from "node:module";
import { EVENT_MEMBERS, MAX_HEADERS, RESERVED_HEADERS } from "../../src/domain/event.ts";
import { type BodyShape, explain } from "../../src/http/schemas.ts";

/** What a scan gives. Absent members are null; `type` is an index into {@link TYPES}. */
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

/** An event that `explain` finds nothing wrong with, as JSON.parse reads it. */
interface ParsedEvent {
  type?: string;
  data: unknown;
  key?: string;
  headers?: Record<string, string>;
  id?: string;
  time?: string;
}

const TYPES = ["user", "order", "payment-of-more-than-16-bytes"];
const SPEC = {
  types: TYPES,
  members: Object.values(EVENT_MEMBERS),
  maxHeaders: MAX_HEADERS,
  reservedHeaders: RESERVED_HEADERS,
};

type NativeScan = (body: Uint8Array, shape: BodyShape, spec: typeof SPEC) => Scan & { offset: number };

const core = createRequire(import.meta.url)("@confluentinc/kafka-javascript/librdkafka.js") as {
  scan: NativeScan;
};

/** The native scanner, set up as the service does it. */
export const scan = (body: Uint8Array, shape: BodyShape) => core.scan(body, shape, SPEC);

/** What the scanner must decide, by the schema that explains its refusals, and read, by JSON.parse. */
function reference(body: Uint8Array, shape: BodyShape): { status: Scan["status"]; events?: ParsedEvent[] } {
  const error = explain(body, shape, TYPES);
  if (error === undefined) return { status: "ok", events: parse(new TextDecoder().decode(body), shape) };
  return { status: error.code === "malformed-body" ? "malformed" : "invalid" };
}

function parse(text: string, shape: BodyShape): ParsedEvent[] {
  if (shape === "array") return JSON.parse(text);
  if (shape === "single") return [JSON.parse(text)];
  return text
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => JSON.parse(line));
}

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
    (event.type === undefined || TYPES[scanned.type] === event.type) &&
    sameData(scanned.data, event.data) &&
    scanned.key === wellFormed(event.key) &&
    scanned.id === wellFormed(event.id) &&
    scanned.time === wellFormed(event.time) &&
    Bun.deepEquals(Object.fromEntries(scanned.headers), Object.fromEntries(headers))
  );
}

/** Throws where the scanner and the reference differ. Returns what they agree on. */
export function agreedScan(body: Uint8Array, shape: BodyShape): Scan {
  const scanned = scan(body, shape);
  const expected = reference(body, shape);
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
    `${shape} ${text} (latin1): scanned ${JSON.stringify(scanned)}, expected ${JSON.stringify(expected)}`,
  );
}
