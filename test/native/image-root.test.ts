import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { makeImageRoot } from "../../src/native/image-root.ts";

const root = mkdtempSync(join(tmpdir(), "sidepost-image-root-"));
afterAll(() => rmSync(root, { recursive: true }));
makeImageRoot(root);
const files = [...new Bun.Glob("**").scanSync({ cwd: root, dot: true })];

/** The names of the libraries that a file asks the loader for. */
function needed(file: string): string[] {
  const { stdout } = Bun.spawnSync(["readelf", "--dynamic", "--wide", file]);
  return [...String(stdout).matchAll(/\(NEEDED\).*\[(.+)\]/g)].map(([, name]) => name!);
}

test("the image's root has every library that Bun and its own libraries ask for", () => {
  const libraries = files.filter((path) => /\.so\b/.test(path));
  const names = new Set(libraries.map((path) => path.split("/").at(-1)!));
  const asked = [process.execPath, ...libraries.map((path) => join(root, path))].flatMap(needed);
  expect(asked).toContain("libc.so.6");
  expect([...new Set(asked)].filter((name) => !names.has(name))).toEqual([]);
});

test("the image's root has an entry with a version for each package that its files are of", () => {
  const entries = files.filter((path) => path.startsWith("var/lib/dpkg/status.d/"));
  for (const path of entries) {
    const [name] = path.split("/").slice(-1);
    expect(readFileSync(join(root, path), "utf8")).toMatch(
      new RegExp(`^Package: ${RegExp.escape(name!)}\n[^]*^Version: `, "m"),
    );
  }
  const names = entries.map((path) => path.split("/").at(-1));
  expect(names).toEqual(expect.arrayContaining(["base-files", "ca-certificates", "libc6", "libsasl2-2"]));
});

test("the image's root has CA certificates, and names the user that the image runs as", () => {
  const text = (path: string) => readFileSync(join(root, path), "utf8");
  expect(text("etc/ssl/certs/ca-certificates.crt")).toContain("BEGIN CERTIFICATE");
  expect(text("etc/passwd")).toContain("nonroot:x:65532:65532:");
  expect(text("etc/os-release")).toContain("ID=debian");
});
