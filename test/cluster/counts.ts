import * as v from "valibot";

/** The last line of a poster: what it posted, and what was answered. */
export const Counts = v.object({
  msg: v.literal("counts"),
  /** Its name in the events: the Pod's, and a part that is new with every start. */
  poster: v.string(),
  /** Its events have the numbers from 0 to one less. */
  posted: v.number(),
  /** How many got which answer: a receipt's status, a problem's code, "unreachable" or "no answer". */
  answers: v.record(v.string(), v.number()),
  /** Those that got no 2xx, from … to, by their numbers. */
  notTaken: v.array(v.tuple([v.number(), v.number()])),
  /** How often a post was tried again, by the answer to the try before. */
  triedAgain: v.record(v.string(), v.number()),
});
export type Counts = v.InferOutput<typeof Counts>;
