import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";

import { multiarch } from "./packages.ts";

/** What the image starts and opens: Bun, libcurl for OIDC, Cyrus SASL and its module for Kerberos. */
const PROGRAMS = [
  process.execPath,
  `/usr/lib/${multiarch}/libcurl.so.4`,
  `/usr/lib/${multiarch}/libsasl2.so.2`,
  `/usr/lib/${multiarch}/sasl2/libgssapiv2.so`,
];
/** glibc opens it when a thread is ended, and ends the process where it is missing. */
const UNWINDER = `/usr/lib/${multiarch}/libgcc_s.so.1`;
const FILES = ["/etc/debian_version", "/etc/ssl/certs/ca-certificates.crt", "/usr/lib/os-release"];
/** Those of FILES, which dpkg finds by no path. */
const PACKAGES = ["base-files", "ca-certificates"];
// Without nsswitch.conf glibc asks DNS before it reads /etc/hosts.
const TEXTS = {
  "etc/group": "root:x:0:\nnonroot:x:65532:\n",
  "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
  "etc/passwd":
    "root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/nonexistent:/sbin/nologin\n",
};
/** Debian's layout: these lead into /usr. The loader's own path begins with one of them. */
const MERGED = ["lib", "lib64"];

/**
 * Makes the root filesystem of the image in the folder `root`, out of the Debian that this runs on: the shared
 * libraries, CA certificates and names that the executable needs, and for scanners and lawyers each package's entry and
 * copyright. No shell, no package manager. Throws where a library or its package is missing.
 */
export function makeImageRoot(root: string): void {
  for (const name of MERGED) {
    mkdirSync(join(root, "usr", name), { recursive: true });
    symlinkSync(`usr/${name}`, join(root, name));
  }
  for (const name of ["proc", "tmp"]) mkdirSync(join(root, name));
  chmodSync(join(root, "tmp"), 0o1777);
  const libraries = [...PROGRAMS.slice(1), UNWINDER, ...PROGRAMS.flatMap(librariesOf)];
  const files = [...new Set([...libraries, ...FILES])];
  for (const file of files) copy(file, root);
  symlinkSync("../usr/lib/os-release", join(root, "etc/os-release"));
  for (const [path, text] of Object.entries(TEXTS)) writeFileSync(join(root, path), text);
  for (const name of [...PACKAGES, ...owners(libraries)]) describePackage(name, root);
}

/** A library keeps the name that it is asked for by; what a link leads to is copied. */
function copy(file: string, root: string): void {
  const target = join(root, realpathSync(dirname(file)), basename(file));
  mkdirSync(dirname(target), { recursive: true });
  copyFileSync(file, target);
}

function librariesOf(program: string): string[] {
  const lines = output(["ldd", program]).split("\n");
  const missing = lines.filter((line) => line.includes("not found"));
  if (missing.length > 0) throw new Error(`${program} needs what is not here: ${missing.join().trim()}`);
  return lines.flatMap((line) => /(\/\S+) \(0x/.exec(line)?.[1] ?? []);
}

/** The packages that the files came with. dpkg knows a file of /usr/lib by that path or by the one of before the merge. */
function owners(files: string[]): string[] {
  const names = files.map((file) => {
    const path = realpathSync(file);
    const found = output(["dpkg-query", "--search", path, path.replace(/^\/usr/, "")], [0, 1]);
    const owner = /^([^:, ]+)/.exec(found)?.[1];
    if (owner === undefined) throw new Error(`${path} is of no package`);
    return owner;
  });
  return [...new Set(names)];
}

/** Where distroless images have it, and scanners look for it. */
function describePackage(name: string, root: string): void {
  const entries = join(root, "var/lib/dpkg/status.d");
  mkdirSync(entries, { recursive: true });
  writeFileSync(join(entries, name), output(["dpkg-query", "--status", name]));
  const copyright = `/usr/share/doc/${name}/copyright`;
  if (!existsSync(copyright)) return;
  mkdirSync(join(root, dirname(copyright)), { recursive: true });
  writeFileSync(join(root, copyright), readFileSync(copyright));
}

function output(command: string[], codes = [0]): string {
  const { exitCode, stdout, stderr } = Bun.spawnSync(command);
  if (!codes.includes(exitCode)) throw new Error(`${command.join(" ")} failed: ${stderr}`);
  return String(stdout);
}

if (import.meta.main) makeImageRoot(process.argv[2] ?? "image-root");
