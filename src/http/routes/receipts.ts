import { Hono } from "hono";

import type { ReceiptLookup } from "../../usecase/receipts.ts";
import type { Answers } from "../answer.ts";
import { EVENTS_PATH, toWire } from "../receipt.ts";

export const RECEIPT_PATHS = [`${EVENTS_PATH}/:id`] as const;

/** What became of an event. The id may hold any characters, percent-encoded. */
export function receiptRoutes(answers: Answers, lookup: ReceiptLookup): Hono {
  const [path] = RECEIPT_PATHS;
  return new Hono().get(path, async (c) => {
    const receipt = await lookup(c.req.param("id"));
    return "code" in receipt ? answers.problem(receipt) : answers.json(200, toWire(receipt));
  });
}
