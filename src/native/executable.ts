import { join } from "node:path";

import type { BunPlugin } from "bun";

import { buildCore } from "./build.ts";

const ROOT = join(import.meta.dir, "../..");

// Upstream finds its binary at run time, by the `bindings` package, which a single file has no folders for. With the
// path in the source the bundler takes the core into the executable.
const embedCore = (core: string): BunPlugin => ({
  name: "embed-core",
  setup(build) {
    build.onLoad({ filter: /kafka-javascript[\\/]librdkafka\.js$/ }, () => ({
      contents: `module.exports = require(${JSON.stringify(core)});`,
      loader: "js",
    }));
  },
});

/** Makes dist/sidepost: one executable with Bun, the service and the core in it. Throws with the bundler's messages. */
export async function buildExecutable(outfile = join(ROOT, "dist/sidepost")): Promise<string> {
  const core = await buildCore();
  await Bun.build({
    // The spool's thread is started by its path, which only an entry point of its own has in the executable.
    entrypoints: [join(ROOT, "src/main.ts"), join(ROOT, "src/infrastructure/spool/worker.ts")],
    naming: "[name].[ext]",
    plugins: [embedCore(core)],
    target: "bun",
    minify: true,
    sourcemap: "linked",
    bytecode: true,
    format: "esm",
    compile: { outfile },
  });
  return outfile;
}

if (import.meta.main) console.log(await buildExecutable());
