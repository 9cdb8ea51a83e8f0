import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A wall clock of one process that can be set while it runs; its monotonic clock goes on. */
export interface Clock extends Disposable {
  /** What the process is started with. */
  env: Record<string, string>;
  /** Seconds before (negative) or after the real time. It is seen within a second. */
  set(seconds: number): void;
}

const [LIBRARY] = new Bun.Glob("/usr/lib/*/faketime/libfaketimeMT.so.1").scanSync({
  cwd: "/",
  absolute: true,
});

/** By libfaketime. Throws where that is not installed. */
export function createClock(): Clock {
  if (LIBRARY === undefined) throw new Error("libfaketime is not there; install faketime");
  const folder = mkdtempSync(join(tmpdir(), "sidepost-clock-"));
  const file = join(folder, "time");
  const set = (seconds: number): void => {
    writeFileSync(`${file}.next`, `${seconds < 0 ? "" : "+"}${seconds}\n`);
    renameSync(`${file}.next`, file);
  };
  set(0);
  return {
    env: {
      LD_PRELOAD: LIBRARY,
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_CACHE_DURATION: "1",
      FAKETIME_DONT_FAKE_MONOTONIC: "1",
    },
    set,
    [Symbol.dispose]: () => rmSync(folder, { recursive: true }),
  };
}
