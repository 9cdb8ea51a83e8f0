import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";

import { PATCHES, patchSources } from "./patches.ts";
import { cacheFolder, hashOf, run, upstreamFolder } from "./toolchain.ts";

/** Where a built librdkafka lies, and what a program that links it needs beside it. */
export interface Librdkafka {
  /** Folder with rdkafka.h. */
  include: string;
  /** librdkafka.a. */
  archive: string;
  /** Linker arguments for the libraries it uses: static where Debian has archives of them. */
  libs: string[];
}

export type Sanitizer = "none" | "address";

const SANITIZE: Record<Sanitizer, string> = {
  none: "",
  address: "-fsanitize=address -fno-omit-frame-pointer",
};

// Each must come out as 1: configure only warns, and a core without TLS would be a surprise in production.
const REQUIRED = [
  "WITH_SSL",
  "WITH_ZLIB",
  "WITH_ZSTD",
  "WITH_SNAPPY",
  "WITH_SASL_SCRAM",
  "WITH_SASL_OAUTHBEARER",
  "WITH_OAUTHBEARER_OIDC",
  "WITH_SASL_CYRUS",
  "WITH_CURL",
];

// The define makes librdkafka look for CA certificates itself: a static OpenSSL knows only its build's folder.
const flagsFor = (sanitizer: Sanitizer): string =>
  `-fPIC -fvisibility=hidden -ffunction-sections -fdata-sections -DWITH_STATIC_LIB_libcrypto=1 ${SANITIZE[sanitizer]}`.trim();

/** Tells one build of librdkafka from another: by its version, what is changed in it, and how it is compiled. */
export function librdkafkaKey(sanitizer: Sanitizer): string {
  const { version } = JSON.parse(readFileSync(join(upstreamFolder(), "package.json"), "utf8"));
  return hashOf([version, JSON.stringify(PATCHES), flagsFor(sanitizer), process.arch]);
}

/**
 * Builds librdkafka from the sources in the npm package, once per version and flags; later calls find it in the
 * cache. Throws where the build fails or a feature is missing.
 */
export async function librdkafka(sanitizer: Sanitizer = "none"): Promise<Librdkafka> {
  const source = join(upstreamFolder(), "deps/librdkafka");
  const folder = join(cacheFolder(), `librdkafka-${librdkafkaKey(sanitizer)}`);
  if (!existsSync(folder)) await build(source, folder, flagsFor(sanitizer));
  return {
    include: join(folder, "src"),
    archive: join(folder, "src/librdkafka.a"),
    libs: ["-l:libssl.a", "-l:libcrypto.a", "-l:libz.a", "-l:libzstd.a", "-lm", "-ldl", "-lpthread"],
  };
}

async function build(source: string, folder: string, flags: string): Promise<void> {
  console.error("building librdkafka (about a minute, once)");
  mkdirSync(cacheFolder(), { recursive: true });
  const work = mkdtempSync(`${folder}.`);
  try {
    cpSync(source, work, { recursive: true });
    patchSources(work);
    const options = ["--enable-static", "--disable-lz4-ext", "--disable-syslog", "--disable-debug-symbols"];
    await run(["./configure", ...options], { cwd: work, env: { ...process.env, CFLAGS: flags } });
    requireFeatures(readFileSync(join(work, "config.h"), "utf8"));
    await run(["make", `-j${navigator.hardwareConcurrency}`, "-C", "src", "librdkafka.a"], { cwd: work });
    renameSync(work, folder); // at once, so that nobody finds half a build
  } catch (error) {
    rmSync(work, { recursive: true, force: true });
    if (!existsSync(folder)) throw error; // otherwise another process was faster
  }
}

/** Throws where the `config.h` that librdkafka's configure wrote leaves out a feature that the core is to have. */
export function requireFeatures(config: string): void {
  const missing = REQUIRED.filter((name) => !config.includes(`#define ${name} 1`));
  if (missing.length === 0) return;
  throw new Error(
    `librdkafka's configure left out ${missing.join(", ")}: their headers or libraries are missing`,
  );
}
