/** `bun run load-test`: a bounded load against a running sidepost on this machine. */
import { parseArgs } from "node:util";
import * as v from "valibot";

import { ensurePackages } from "../../src/native/packages.ts";
import { ASYNC, JSON_BATCH, WAITING } from "./loads.ts";
import { faults, post, WRK } from "./wrk.ts";

const MODES = { waiting: WAITING, async: ASYNC, batch: JSON_BATCH };
const LOOPBACK = ["127.0.0.1", "localhost", "[::1]"];

const whole = (least: number, most: number) =>
  v.pipe(v.string(), v.toNumber(), v.integer(), v.minValue(least), v.maxValue(most));

const Flags = v.object({
  seconds: whole(1, 600),
  connections: whole(1, 1024),
  mode: v.picklist(["waiting", "async", "batch"]),
  url: v.pipe(
    v.string(),
    v.check(
      (url) => LOOPBACK.includes(URL.parse(url)?.hostname ?? ""),
      `only loopback is loaded: ${LOOPBACK.join(", ")}`,
    ),
  ),
});

const USAGE = `bun run load-test [--seconds 10] [--connections 32] [--mode waiting|async|batch] [--url http://127.0.0.1:8080]`;

const { values } = parseArgs({
  options: {
    help: { type: "boolean" },
    seconds: { type: "string", default: "10" },
    connections: { type: "string", default: "32" },
    mode: { type: "string", default: "waiting" },
    url: { type: "string", default: "http://127.0.0.1:8080" },
  },
});
if (values.help) {
  console.log(USAGE);
  process.exit();
}
const flags = v.safeParse(Flags, values);
if (!flags.success) {
  const wrongs = flags.issues.map((issue) => `--${v.getDotPath(issue)}: ${issue.message}`);
  console.error(wrongs.join("\n"));
  process.exit(2);
}
const { seconds, connections, mode, url } = flags.output;
await ensurePackages([WRK]);
const load = MODES[mode];
const result = await post({ ...load, seconds, connections, url: new URL(load.path, url).href });
const rate = result.answers / seconds;
const wrong = faults(result);

console.log(`requests/s  ${rate.toFixed(0)}
events/s    ${(rate * load.events).toFixed(0)}
p50         ${(result.p50 / 1000).toFixed(2)} ms
p99         ${(result.p99 / 1000).toFixed(2)} ms
statuses    ${Object.entries(result.statuses)
  .map(([status, count]) => `${status}: ${count}`)
  .join(", ")}`);
if (wrong) console.error(wrong);
process.exitCode = wrong ? 1 : 0;
