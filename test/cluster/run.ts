import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ensurePackages, NATIVE_NEEDS } from "../../src/native/packages.ts";
import { kube } from "../helpers/helm.ts";
import { TEST_NEEDS } from "../helpers/needs.ts";
import { posterArchive, SIDEPOST, sidepostArchive } from "./images.ts";
import { startPodKafka } from "./kafka.ts";
import { KUBERNETES_NEEDS, startKubernetes } from "./kubernetes.ts";
import { tableOf } from "./reckoning.ts";
import { LINKS, type World } from "./world.ts";

// One Kubernetes, one Kafka and one image for all tests of this folder. Arguments go to `bun test`.

/** Most of a scenario is waiting. */
const AT_ONCE = 4;
/** As shells have it. */
const INTERRUPTED = 130;

// Ctrl-C reaches the tests as well: they end, and then so do we.
let interrupted = false;
process.on("SIGINT", () => void (interrupted = true));

await ensurePackages([...NATIVE_NEEDS, ...TEST_NEEDS, ...KUBERNETES_NEEDS]);
process.exit(await test());

async function test(): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), "sidepost-world-"));
  await using made = new AsyncDisposableStack();
  made.defer(() => rmSync(folder, { recursive: true }));
  const [sidepost, poster] = await Promise.all([sidepostArchive(folder), posterArchive(folder)]);
  const kubernetes = made.use(await startKubernetes());
  const kafka = made.use(await startPodKafka(LINKS.length));
  await Promise.all([sidepost, poster].map(kubernetes.load));
  await kubernetes.apply(join(kube(), "crds"));
  const { repository, tag, nextTag } = SIDEPOST;
  await kubernetes.tag(`${repository}:${tag}`, `${repository}:${nextTag}`);

  const rows = join(folder, "rows");
  writeFileSync(rows, "");
  const world: World = { cluster: kubernetes.folder, kafka: kafka.bootstrap, links: kafka.links, rows };
  if (interrupted) return INTERRUPTED;
  const code = await bunTest({ SIDEPOST_TEST_WORLD: JSON.stringify(world) });
  console.log(tableOf(readFileSync(rows, "utf8")));
  return code;
}

function bunTest(env: Record<string, string>): Promise<number> {
  const command = [
    process.execPath,
    "test",
    "test/cluster",
    `--parallel=${AT_ONCE}`,
    ...process.argv.slice(2),
  ];
  return Bun.spawn(command, { env: { ...process.env, ...env }, stdio: ["inherit", "inherit", "inherit"] })
    .exited;
}
