import type { Receipt } from "../domain/receipt.ts";
import { toProblem } from "./problem.ts";

export const EVENTS_PATH = "/api/v1/events";

/** A receipt as an answer has it: why an event failed is a problem there. */
export function toWire(receipt: Receipt) {
  if (receipt.status !== "failed") return receipt;
  const { status, id, error } = receipt;
  return { status, id, error: toProblem(error, id) };
}

/** Ids whose path means something else: the statistics, and what RFC 3986 takes out of a path. */
const NO_PATH = new Set(["stats", ".", ".."]);
/** What ids that are made consist of: a look at it spares them the encoding. */
const PLAIN = /^[\w.-]+$/;

/** Where an event's receipt is found; undefined for an id that no path can name. */
export function locationOf(id: string): string | undefined {
  if (NO_PATH.has(id)) return undefined;
  return `${EVENTS_PATH}/${PLAIN.test(id) ? id : encodeURIComponent(id)}`;
}
