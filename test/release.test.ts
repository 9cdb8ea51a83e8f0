import { afterAll, expect, test } from "bun:test";
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const root = mkdtempSync(join(tmpdir(), "sidepost-release-"));
afterAll(() => rmSync(root, { recursive: true }));

const CHANGELOG =
  "# Changelog\n\n## [Unreleased]\n\n- Next.\n\n## [1.2.3] - 2026-11-22\n\n### Added\n\n- This.\n\n## [1.2.2]\n\n- Before.\n";

/** Runs a script of .ci in a repository that has these files and programs alone. */
async function runScript(
  command: string[],
  files: Record<string, string>,
  programs: Record<string, string> = {},
) {
  const folder = mkdtempSync(join(root, "repository-"));
  mkdirSync(join(folder, ".ci"));
  mkdirSync(join(folder, "bin"));
  const [script, ...args] = command as [string, ...string[]];
  copyFileSync(join(".ci", script), join(folder, ".ci", script));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  for (const [name, text] of Object.entries(programs)) {
    writeFileSync(join(folder, "bin", name), text);
    chmodSync(join(folder, "bin", name), 0o755);
  }
  const env = { ...process.env, PATH: `${join(folder, "bin")}:${process.env["PATH"]}` };
  const child = Bun.spawn(["bash", join(folder, ".ci", script), ...args], { env, stderr: "pipe" });
  const [output, errors, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { code, output, errors };
}

const notes = (tag: string, packaged = "1.2.3") =>
  runScript(["release-notes", tag], {
    "CHANGELOG.md": CHANGELOG,
    "package.json": `{\n  "name": "sidepost",\n  "version": "${packaged}",\n  "license": "MIT"\n}\n`,
  });

test("the notes of a release are the changelog's section of its version", async () => {
  expect(await notes("v1.2.3")).toEqual({ code: 0, output: "\n### Added\n\n- This.\n", errors: "" });
});

test("a tag that is not package.json's version is no release", async () => {
  expect(await notes("v1.2.4")).toMatchObject({
    code: 1,
    output: "",
    errors: expect.stringContaining("The tag is v1.2.4, but package.json has version 1.2.3"),
  });
});

test("a version that the changelog says nothing of is no release", async () => {
  expect(await notes("v1.3.0", "1.3.0")).toMatchObject({
    code: 1,
    errors: expect.stringContaining('CHANGELOG.md says nothing under "## [1.3.0]"'),
  });
});

const DOCKERFILE =
  "ARG BUN_IMAGE=docker.io/oven/bun:1\nARG DEBIAN_IMAGE=debian:12\nFROM scratch\nARG VERSION=1\n";

test("a release pins each base image to what its tag means", async () => {
  const docker = '#!/bin/sh\necho "sha256:of-$4"\n';
  const { output } = await runScript(["base-images"], { Dockerfile: DOCKERFILE }, { docker });
  expect(output).toBe(
    "BUN_IMAGE=docker.io/oven/bun:1@sha256:of-docker.io/oven/bun:1\nDEBIAN_IMAGE=debian:12@sha256:of-debian:12\n",
  );
});

test("a base image that the registry does not know ends the release", async () => {
  const docker = "#!/bin/sh\nexit 1\n";
  expect(await runScript(["base-images"], { Dockerfile: DOCKERFILE }, { docker })).toMatchObject({
    code: 1,
    output: "",
  });
});
