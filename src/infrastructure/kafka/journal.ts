import { freeBytes } from "../../domain/buffers.ts";
import type { Journal } from "../../domain/spool.ts";
import type { EventCore } from "./core.ts";

/** The spool's side of the core. */
export function createJournal(core: EventCore): Journal {
  /** Outcomes name types and topics by their place in these lists. */
  function named<Settled extends object>(chunks: Settled[]) {
    if (chunks.length === 0) return [];
    const known = core.knownTypes();
    const [types, topics] = [known.map(({ type }) => type), known.map(({ topic }) => topic)];
    return chunks.map((chunk) => Object.assign(chunk, { types, topics }));
  }

  return {
    write: (on, next) => core.journal(on, next),
    take: () => core.takeChunks(),
    spill: () => core.spill(),
    drop: (chunks) =>
      core.dropChunks(
        chunks.map(({ number }) => number),
        Buffer.concat(chunks.map(({ keys }) => keys)),
      ),
    addBehind: (keys) => core.addBehind(keys),
    replay({ bytes, outcomes }, number) {
      const taken = core.replay(bytes, number, outcomes);
      freeBytes(bytes);
      return taken;
    },
    settled: () => named(core.takeSettled()),
    partlySettled: (all) => named(core.takePartlySettled(all)),
    refused: () =>
      core.takeRefused().map((refused) => Object.assign(refused, { text: core.errorText(refused.code) })),
    status: () => core.diskStatus(),
  };
}
