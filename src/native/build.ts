import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";

import { librdkafka, librdkafkaKey, type Sanitizer } from "./librdkafka.ts";
import { ensurePackages, NATIVE_NEEDS } from "./packages.ts";
import { cacheFolder, hashOf, run, upstreamFolder } from "./toolchain.ts";

export { librdkafka } from "./librdkafka.ts";

const SOURCES = join(import.meta.dir, "core");
const LAZY = join(import.meta.dir, "lazy");

const COMPILE = [
  "-O2",
  "-g1",
  "-ffunction-sections",
  "-fdata-sections",
  "-fPIC",
  "-fvisibility=hidden",
  "-Wall",
  "-Wextra",
  "-Wno-missing-field-initializers",
];
const CXX = ["-std=c++17", "-fno-exceptions", "-fno-rtti"];
// Nothing of OpenSSL, librdkafka or the C++ library may be seen by, or taken from, the process that loads the core.
const LINK = ["-shared", "-static-libstdc++", "-static-libgcc", "-Wl,--exclude-libs,ALL", "-Wl,-Bsymbolic"];
const HARDEN = ["-Wl,-z,relro,-z,now", "-Wl,-z,noexecstack"];
// The executable carries the core and reads all of it at start: each byte is a byte of resident memory (4.3 MB in all).
const SHRINK = ["-Wl,--gc-sections", "-Wl,--strip-all"];
const SANITIZE: Record<Sanitizer, string[]> = { none: [], address: ["-fsanitize=address"] };

/** Where upstream's JavaScript looks for its own binary. */
export const installedCore = (): string =>
  join(upstreamFolder(), "build/Release/confluent-kafka-javascript.node");

/**
 * Builds the core and puts it where upstream's JavaScript looks for its binary. With nothing changed it compares one
 * hash and returns. Returns the path of the core. Throws where something is missing, with the command that brings it.
 */
export async function buildCore(sanitizer: Sanitizer = "none"): Promise<string> {
  const hash = hashOf([
    ...sources().map((path) => readFileSync(path, "utf8")),
    librdkafkaKey(sanitizer),
    ...COMPILE,
    ...LINK,
    ...SHRINK,
  ]);
  const built = join(cacheFolder(), `core-${hash}.node`);
  const marker = `${installedCore()}.hash`;
  if (existsSync(marker) && existsSync(installedCore()) && readFileSync(marker, "utf8") === hash)
    return built;
  if (!existsSync(built)) await compile(built, sanitizer);
  install(built, marker, hash);
  return built;
}

function sources(): string[] {
  const inFolder = (folder: string) => readdirSync(folder).map((name) => join(folder, name));
  return [...inFolder(SOURCES), ...inFolder(LAZY)].toSorted();
}

function install(built: string, marker: string, hash: string): void {
  const target = installedCore();
  mkdirSync(dirname(target), { recursive: true });
  const fresh = `${target}.${process.pid}`;
  copyFileSync(built, fresh);
  renameSync(fresh, target); // a process that has the old one mapped keeps it
  writeFileSync(marker, hash);
}

async function compile(built: string, sanitizer: Sanitizer): Promise<void> {
  await ensurePackages(NATIVE_NEEDS);
  const kafka = await librdkafka(sanitizer);
  console.error("building the native core");
  const work = `${built}.${process.pid}`;
  mkdirSync(work, { recursive: true });
  writeFileSync(
    join(work, "reports_js.inc"),
    `R"js(${readFileSync(join(SOURCES, "reports.js"), "utf8")})js"`,
  );
  const flags = [...COMPILE, ...SANITIZE[sanitizer], ...includes(kafka.include, work)];
  const units = sources().filter((path) => /\.(cc|c)$/.test(path));
  const objects = units.map((_, i) => join(work, `${i}.o`));
  await inParallel(units.map((unit, i) => compileUnit(unit, join(work, `${i}.o`), flags)));
  const library = join(work, "core.node");
  const link = [...LINK, ...HARDEN, ...(sanitizer === "none" ? SHRINK : SANITIZE[sanitizer])];
  await run(["g++", ...link, "-o", library, ...objects, kafka.archive, ...kafka.libs]);
  renameSync(library, built);
  rmSync(work, { recursive: true });
}

const compileUnit = (unit: string, object: string, flags: string[]) => () =>
  run([
    unit.endsWith(".c") ? "gcc" : "g++",
    ...(unit.endsWith(".c") ? [] : CXX),
    ...flags,
    "-c",
    unit,
    "-o",
    object,
  ]);

async function inParallel(jobs: (() => Promise<void>)[]): Promise<void> {
  const queue = [...jobs];
  const worker = async () => {
    for (let job = queue.shift(); job; job = queue.shift()) await job();
  };
  await Promise.all(Array.from({ length: navigator.hardwareConcurrency }, worker));
}

function includes(kafka: string, generated: string): string[] {
  const folderOf = (name: string) => dirname(Bun.resolveSync(`${name}/package.json`, import.meta.dir));
  const folders = [
    kafka,
    generated,
    folderOf("node-addon-api"),
    join(folderOf("node-api-headers"), "include"),
  ];
  return folders.map((folder) => `-isystem${folder}`);
}

if (import.meta.main) {
  try {
    await buildCore();
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exit(1);
  }
}
