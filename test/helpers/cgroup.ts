import { existsSync, mkdirSync, rmdirSync, writeFileSync } from "node:fs";
import { waitUntil } from "./wait.ts";

/** A folder of the kernel's memory controller. Disposing of it removes it once its processes are gone. */
export interface MemoryCgroup extends AsyncDisposable {
  /** The command that runs another inside of it. */
  run(command: readonly string[]): string[];
}

/** Reads from these files by their paths, as from a machine that has no others. */
export const readerOf =
  (files: Record<string, string>) =>
  (path: string): string => {
    const text = files[path];
    if (text === undefined) throw new Error(`ENOENT: ${path}`);
    return text;
  };

const V1 = "/sys/fs/cgroup/memory";

/** Makes a cgroup with a limit in bytes, at which the kernel kills; undefined where that is not possible (no root, no cgroup v1). */
export function makeMemoryCgroup(limit: number): MemoryCgroup | undefined {
  const folder = `${V1}/sidepost-${crypto.randomUUID()}`;
  try {
    if (!existsSync(`${V1}/memory.limit_in_bytes`)) return undefined;
    mkdirSync(folder);
    writeFileSync(`${folder}/memory.limit_in_bytes`, String(limit));
  } catch {
    return undefined;
  }
  const enter = `echo $$ > ${folder}/cgroup.procs && exec "$@"`;
  return {
    run: (command) => ["sh", "-c", enter, "sh", ...command],
    [Symbol.asyncDispose]: async () => {
      await waitUntil(
        () => {
          try {
            rmdirSync(folder);
            return true;
          } catch {
            return undefined;
          }
        },
        10_000,
        () => new Error(`${folder} could not be removed`),
      );
    },
  };
}
