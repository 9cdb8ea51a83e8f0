import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { ensurePackages, type Need } from "../../src/native/packages.ts";
import { run } from "../../src/native/toolchain.ts";
import { startKafka } from "../helpers/kafka.ts";
import { startPrometheus } from "../helpers/prometheus.ts";
import { type Dashboard, interpolate, type Panel, readDashboard } from "./dashboard.ts";
import { dashboardPage, type Measured, pageSize } from "./dashboard-page.ts";
import { LABELS } from "./rules.ts";
import { playScenario } from "./scenario.ts";

// `bun test/helm/picture.ts`: draws docs/images/dashboard.png, the dashboard's own queries on five minutes of load with an
// outage of Kafka in them.

const TIMES = { well: 120_000, away: 80_000, back: 100_000 };
const STEP = 2;

const NEEDS: Need[] = ["chromium", "pngquant"].map((name) => ({
  what: name,
  present: () => Bun.which(name) !== null,
  debian: [name],
}));

const file = (path: string) => new URL(`../../${path}`, import.meta.url).pathname;

await ensurePackages(NEEDS);
const dashboard = readDashboard(await Bun.file(file("helm/files/dashboard.json")).text());
const measured = await measure(dashboard);
await draw(dashboardPage(dashboard, measured), pageSize(dashboard), file("docs/images/dashboard.png"));

async function measure({ panels }: Dashboard): Promise<Measured> {
  await using kafka = await startKafka();
  await using prometheus = await startPrometheus({ interval: `${STEP}s` });
  // The first rates need some scrapes, and the first seconds of four processes at once are like no others.
  const start = Math.ceil(Date.now() / 1000) + 40;
  await playScenario(kafka, prometheus, { times: TIMES, rate: 200, budget: "10MiB" });
  const end = Math.floor(Date.now() / 1000);
  const variables = {
    namespace: LABELS.namespace,
    job: LABELS.job,
    pod: ".*",
    __rate_interval: `${4 * STEP}s`,
    __range: `${end - start}s`,
  };
  const ask = async (panel: Panel) => {
    const series = panel.targets.map(({ expr }) =>
      prometheus.range(interpolate(expr, variables), { start, end, step: STEP }),
    );
    return [panel, await Promise.all(series)] as const;
  };
  const times = Array.from(
    { length: Math.floor((end - start) / STEP) + 1 },
    (_, index) => start + index * STEP,
  );
  return { answers: new Map(await Promise.all(panels.map(ask))), times };
}

async function draw(html: string, { width, height }: { width: number; height: number }, png: string) {
  const folder = mkdtempSync(join(tmpdir(), "sidepost-picture-"));
  const [page, picture] = [join(folder, "page.html"), join(folder, "page.png")];
  await Bun.write(page, html);
  await run([
    "chromium",
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    `--user-data-dir=${join(folder, "profile")}`,
    `--window-size=${width},${height}`,
    `--screenshot=${picture}`,
    `file://${page}`,
  ]);
  mkdirSync(dirname(png), { recursive: true });
  await run(["pngquant", "--force", "--output", png, "64", picture]);
  rmSync(folder, { recursive: true, force: true });
}
