/** Most events go to one topic, atomic batches to one of one partition, another may be deleted, and one takes nothing. */
export type Topic = "main" | "whole" | "other" | "narrow";

/** How a poster posts: what, where to, and whether it waits for Kafka. It does so one post after the other. */
export interface Style {
  name: string;
  /** After /api/v1/events. */
  path: string;
  to: Topic;
  /** Events of a post; undefined where it is a single one. */
  batch?: number;
  keyed?: true;
  async?: true;
  atomic?: true;
}

const BATCH = 20;

export const STYLES = {
  waiting: { name: "single, keyed", path: "/user", to: "main", keyed: true },
  async: { name: "single, keyed, async", path: "/order", to: "main", keyed: true, async: true },
  loose: { name: "single, no key", path: "/payment", to: "main" },
  batch: { name: "batch, keyed", path: "", to: "main", batch: BATCH, keyed: true },
  asyncBatch: { name: "batch, keyed, async", path: "", to: "main", batch: BATCH, keyed: true, async: true },
  looseBatch: { name: "batch, no key", path: "", to: "main", batch: BATCH },
  other: { name: "other topic", path: "/other", to: "other", keyed: true },
  otherAsync: { name: "other topic, async", path: "/other", to: "other", keyed: true, async: true },
  atomic: { name: "atomic batch", path: "?atomic=true", to: "whole", batch: 5, keyed: true, atomic: true },
} as const satisfies Record<string, Style>;

/** Kafka refuses each of these for good: a gap in a sequence, and so a new epoch of the producer, many times a second. */
const REFUSED: Style = { name: "refused by Kafka", path: "/narrow", to: "narrow" };

export const ALL_AND_REFUSED: readonly Style[] = [...Object.values(STYLES), REFUSED];
