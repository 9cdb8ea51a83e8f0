import { expect, test } from "bun:test";
import { chmodSync, existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { installedCore } from "../../src/native/build.ts";

test("a build with nothing changed runs no compiler, and leaves the core as it is", async () => {
  const folder = mkdtempSync(join(tmpdir(), "sidepost-build-"));
  const ran = join(folder, "ran");
  for (const tool of ["g++", "gcc", "make", "pkg-config"]) {
    writeFileSync(join(folder, tool), `#!/bin/sh\necho "$0 $*" >>${ran}\nexit 1\n`);
    chmodSync(join(folder, tool), 0o755);
  }
  const before = installed();
  const build = Bun.spawn([process.execPath, "src/native/build.ts"], {
    env: { ...process.env, PATH: `${folder}:${process.env["PATH"]}` },
    stderr: "pipe",
  });
  expect(await build.stderr.text()).toBe("");
  expect(await build.exited).toBe(0);
  expect(existsSync(ran)).toBeFalse();
  expect(installed()).toEqual(before);
  rmSync(folder, { recursive: true });
});

/** Tells one installed file from another. */
function installed() {
  const { ino, mtimeMs } = statSync(installedCore());
  return { ino, mtimeMs };
}
