import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface HiddenLibrary extends Disposable {
  /** The environment of a process that cannot open the library. */
  env: Record<string, string>;
}

/** Hides a system library: the loader stops at the first file of its name, and an empty one cannot be loaded. */
export function hideLibrary(name: string): HiddenLibrary {
  const folder = mkdtempSync(join(tmpdir(), "sidepost-hidden-"));
  writeFileSync(join(folder, name), "");
  return {
    env: { LD_LIBRARY_PATH: folder },
    [Symbol.dispose]: () => rmSync(folder, { recursive: true }),
  };
}
