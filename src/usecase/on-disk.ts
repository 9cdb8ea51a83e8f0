import type { Failure } from "../domain/errors.ts";
import type { Batch, Producer } from "../domain/ports.ts";
import type { Failed } from "../domain/receipt.ts";
import type { Spooling } from "./spooling.ts";

/** What publishing asks of the spool. */
export type PublishSpooling = Pick<Spooling, "writing" | "required" | "begin" | "stored" | "keep">;

/** Whether memory was too full for what was to be taken, and the disk has room: then it can be taken after all. */
export function makesRoom(
  spooling: Pick<Spooling, "begin"> | undefined,
  taken: string | Batch | Failure,
): boolean {
  const full = typeof taken === "object" && "code" in taken && taken.code === "admission-closed";
  return full && spooling?.begin("memory is full") === true;
}

/** Events that Kafka did not confirm in time are promised, and written to disk. Resolves whether they are there. */
export type Keep = (ids: readonly string[]) => Promise<boolean>;

export function createKeep(spooling: Pick<Spooling, "keep">, producer: Pick<Producer, "promise">): Keep {
  let late: string[] = [];
  let promised: Promise<void> | undefined;

  /** All of one moment together: the producer goes through what it has. */
  async function promiseAll(): Promise<void> {
    await Bun.sleep(0);
    producer.promise(late);
    late = [];
    promised = undefined;
  }

  return async (ids) => {
    for (const id of ids) late.push(id);
    await (promised ??= promiseAll());
    return (await spooling.keep()) === undefined;
  };
}

/** What is in no memory (`alone`), and surely not on disk, is nowhere. */
export const notStored = (id: string, error: Failure, alone: boolean): Failed => ({
  status: "failed",
  id,
  error,
  nowhere: alone && error.unsure !== true,
});
