import { ensurePackages, NATIVE_NEEDS } from "../src/native/packages.ts";
import { findHelm, NO_HELM } from "./helpers/helm.ts";
import { startKafka } from "./helpers/kafka.ts";
import { TEST_NEEDS } from "./helpers/needs.ts";

// Runs every test, in parallel, against one Kafka: its start is the dearest part of a test file.
// Arguments go to `bun test`.

// Ctrl-C reaches the child as well: it ends, and then so do we, with Kafka stopped and its data removed.
process.on("SIGINT", () => {});

await ensurePackages([...NATIVE_NEEDS, ...TEST_NEEDS]).catch((error) => {
  console.error(error.message);
  process.exit(1);
});
const built = await run(["src/native/build.ts"]);
process.exit(built === 0 ? await test() : built);

async function test(): Promise<number> {
  await using kafka = await startKafka();
  // The image, the chart and the cluster need programs that are not in Debian.
  const helmless = (await findHelm()) === undefined;
  const without = ["**/docker/**", "**/cluster/**", ...(helmless ? ["**/test/helm/**"] : [])];
  const ignored = without.map((pattern) => `--path-ignore-patterns=${pattern}`);
  const code = await run(["test", "--parallel", ...ignored, ...process.argv.slice(2)], {
    SIDEPOST_TEST_KAFKA: kafka.bootstrap,
  });
  if (helmless) console.error(`The chart was NOT tested: ${NO_HELM}`);
  return code;
}

function run(args: string[], env: Record<string, string> = {}): Promise<number> {
  return Bun.spawn([process.execPath, ...args], {
    env: { ...process.env, ...env },
    stdio: ["inherit", "inherit", "inherit"],
  }).exited;
}
