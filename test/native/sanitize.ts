import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ensurePackages, NATIVE_NEEDS } from "../../src/native/packages.ts";
import type { Sanitizer } from "../../src/native/librdkafka.ts";
import { TEST_NEEDS } from "../helpers/needs.ts";

// Runs the native tests with AddressSanitizer in the core and in librdkafka, looks for leaks of either, and walks
// through the core under valgrind, which also sees into the libraries that are linked as they are (OpenSSL, zlib, zstd).
// All of it happens in a copy of the repository, so that the core that is installed stays the plain one.

const ROOT = join(import.meta.dir, "../..");
const UPSTREAM = "@confluentinc/kafka-javascript";
// The first measures memory, which a sanitizer keeps; the second would install the plain core; the others have nothing to
// do with the core.
const LEFT_OUT = new Set(["garbage.test.ts", "build.test.ts", "packages.test.ts", "librdkafka.test.ts"]);
const VALGRIND = { what: "valgrind", present: () => Bun.which("valgrind") !== null, debian: ["valgrind"] };

// LeakSanitizer does not see JavaScript's heap: what lives as long as the exports, which refer to it, looks lost.
const LEAKS_THAT_ARE_NONE = "leak:sidepost::Init\n";

await ensurePackages([...NATIVE_NEEDS, ...TEST_NEEDS, VALGRIND]);
const tree = mkdtempSync(join(tmpdir(), "sidepost-sanitize-"));
try {
  copyRepository();
  const failed = [...(await addressSanitizer()), ...(await memcheck())];
  console.log(failed.length === 0 ? "the core is clean" : `failed: ${failed.join(", ")}`);
  process.exitCode = failed.length === 0 ? 0 : 1;
} finally {
  rmSync(tree, { recursive: true });
}

/** Sources and tests are copied, packages linked; upstream's is copied too, since the core is installed into it. */
function copyRepository(): void {
  for (const name of ["src", "test", "package.json", "tsconfig.json", "bunfig.toml"]) {
    cpSync(join(ROOT, name), join(tree, name), { recursive: true });
  }
  link("node_modules", (name) => name !== "@confluentinc");
  link(`node_modules/${UPSTREAM}`, (name) => name === "deps");
  for (const name of ["lib", "types", "package.json", "librdkafka.js", "index.d.ts"]) {
    const path = join("node_modules", UPSTREAM, name);
    cpSync(join(ROOT, path), join(tree, path), { recursive: true });
  }
}

function link(folder: string, wanted: (name: string) => boolean): void {
  mkdirSync(join(tree, folder), { recursive: true });
  for (const name of readdirSync(join(ROOT, folder)).filter(wanted)) {
    symlinkSync(join(ROOT, folder, name), join(tree, folder, name));
  }
}

async function addressSanitizer(): Promise<string[]> {
  await build("address");
  const library = Bun.spawnSync(["gcc", "-print-file-name=libasan.so"]).stdout.toString().trim();
  const suppressions = join(tree, "lsan.txt");
  writeFileSync(suppressions, LEAKS_THAT_ARE_NONE);
  const loaded = { LD_PRELOAD: library, ASAN_OPTIONS: "detect_leaks=0" };
  const names = readdirSync(join(tree, "test/native")).filter((name) => name.endsWith(".test.ts"));
  const files = names.filter((name) => !LEFT_OUT.has(name)).map((name) => `./test/native/${name}`);
  files.push("./test/infrastructure/kafka/core.test.ts");
  const tested = await run([process.execPath, "test", "--timeout", "60000", ...files], loaded);
  const leaking = await run([process.execPath, "test/native/exercise.ts", library], {
    LD_PRELOAD: library,
    LSAN_OPTIONS: `suppressions=${suppressions}:print_suppressions=0`,
  });
  return [...(tested === 0 ? [] : ["tests under AddressSanitizer"]), ...(leaking === 0 ? [] : ["leaks"])];
}

/**
 * Bun itself works under valgrind with its JIT off. It leaves values undefined that it hands to the core, so undefined
 * values are not looked for; of the rest only what has a frame in the core counts.
 */
async function memcheck(): Promise<string[]> {
  await build("none");
  const log = join(tree, "valgrind.xml");
  const options = [
    "--smc-check=all-non-file",
    "--undef-value-errors=no",
    "--leak-check=full",
    "--num-callers=40",
  ];
  const output = ["--error-limit=no", "--xml=yes", `--xml-file=${log}`];
  const command = ["valgrind", ...options, ...output, process.execPath, "test/native/exercise.ts"];
  const code = await run(command, { BUN_JSC_useJIT: "0" });
  const errors = readFileSync(log, "utf8").split("<error>").slice(1);
  const ours = errors.filter((error) => error.includes(".node</obj>") && !error.includes("Leak_Still"));
  for (const error of ours) console.log(error);
  console.log(`valgrind: ${ours.length} errors in the core, ${errors.length - ours.length} elsewhere`);
  return code === 0 && ours.length === 0 ? [] : ["valgrind"];
}

async function build(sanitizer: Sanitizer): Promise<void> {
  const script = `import { buildCore } from "./src/native/build.ts"; await buildCore("${sanitizer}");`;
  if ((await run([process.execPath, "-e", script])) !== 0) throw new Error(`the build (${sanitizer}) failed`);
}

function run(command: string[], env: Record<string, string> = {}): Promise<number> {
  return Bun.spawn(command, {
    cwd: tree,
    env: { ...process.env, ...env },
    stdio: ["ignore", "inherit", "inherit"],
  }).exited;
}
