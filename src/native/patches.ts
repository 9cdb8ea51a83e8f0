import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** A change to one place of librdkafka's sources. */
interface Patch {
  file: string;
  why: string;
  find: string;
  replace: string;
}

/** What librdkafka 2.15.1 does not do well enough for us. Each is to go when upstream has it. */
export const PATCHES: readonly Patch[] = [
  {
    file: "src/rdkafka_broker.c",
    // An idempotent producer has one request of five or more messages in flight for a partition. While more messages
    // wait behind it, "their linger is over" sets the wake-up to now, so the broker's thread polls without a pause until
    // the answer comes: a whole core, where the answer itself will wake the thread.
    why: "a broker thread must sleep, not spin, while a partition's requests in flight are at their limit",
    find: `        /* Check if allowed to create and enqueue a ProduceRequest */
        if (max_requests <= 0)
                return 0;
`,
    replace: `        /* Check if allowed to create and enqueue a ProduceRequest */
        if (max_requests <= 0) {
                *next_wakeup = caller_wakeup;
                return 0;
        }
`,
  },
  {
    file: "src/rdkafka_broker.c",
    why: "the other half of the one above: the wake-up that the caller came with",
    find: `        rd_bool_t batch_ready     = rd_false;

        /* By limiting the number of not-yet-sent buffers`,
    replace: `        rd_bool_t batch_ready     = rd_false;
        rd_ts_t caller_wakeup     = *next_wakeup;

        /* By limiting the number of not-yet-sent buffers`,
  },
];

/** Changes a copy of librdkafka's sources. Throws where a place is not there exactly once: the version is another. */
export function patchSources(folder: string): void {
  for (const { file, why, find, replace } of PATCHES) {
    const path = join(folder, file);
    const source = readFileSync(path, "utf8");
    if (source.split(find).length !== 2)
      throw new Error(`librdkafka's ${file} has changed; see to the patch: ${why}`);
    writeFileSync(
      path,
      source.replace(find, () => replace),
    );
  }
}
