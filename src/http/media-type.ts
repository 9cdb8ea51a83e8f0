import { type Failure, failure } from "../domain/errors.ts";
import type { Framing } from "../domain/ports.ts";

/** Another content type than those allowed. */
export function unsupported(seen: string | null, allowed: string): Failure {
  return failure("unsupported-media-type", `the content type is ${seen ?? "missing"}; allowed: ${allowed}`);
}

/** Why an encoded body is not taken. Only one that is no JSON is asked for its encoding, so that the others need not be. */
export function encoded(encoding: string | null): Failure | undefined {
  if (encoding === null || encoding.toLowerCase() === "identity") return undefined;
  return failure("unsupported-media-type", `the content encoding is ${encoding}; none is taken`);
}

const mediaTypeOf = (header: string): string => header.split(";", 1)[0]!.trim().toLowerCase();

/** A client that names no type gets the benefit of the doubt: the body is read strictly anyhow. */
export function isJson(header: string | null): boolean {
  return header === null || header === "application/json" || mediaTypeOf(header) === "application/json";
}

const LINES = new Set(["application/x-ndjson", "application/ndjson", "application/jsonl"]);

/** How the events of a batch lie in a body of this type; undefined where it is none of theirs. */
export function framingOf(header: string | null): Framing | undefined {
  if (isJson(header)) return "array";
  return LINES.has(mediaTypeOf(header!)) ? "lines" : undefined;
}
