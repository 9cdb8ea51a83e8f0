import { expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { type Sidepost, startSidepost } from "../helpers/process.ts";
import { metricsOf, MINUTE, post } from "./support.ts";

setDefaultTimeout(MINUTE);

const command = [process.execPath, "--preload", join(import.meta.dir, "faults.ts"), "src/main.ts"];
const start = () =>
  startSidepost({ command, env: { KAFKA_BROKER_LIST: "embedded", SERVER_SHUTDOWN_TIMEOUT: "2s" } });

const uncaught = ({ log }: Sidepost) => log.filter(({ msg }) => msg === "Uncaught error");

const said = (sidepost: Sidepost, message: string) =>
  sidepost.waitForLog(({ err }) => (err as Error | undefined)?.message === message);

test("a fault in a timer and a rejection that nobody handles are a log line and a count each, and it goes on", async () => {
  await using sidepost = await start();
  sidepost.kill("SIGUSR2");
  expect(await said(sidepost, "thrown in a timer")).toMatchObject({
    level: "error",
    err: { type: "Error", stack: expect.stringContaining("faults.ts") },
  });
  expect(await said(sidepost, "rejected, and nobody looks")).toMatchObject({ level: "error" });

  expect(await post(sidepost, "/user", { data: 1 })).toMatchObject({ status: 201 });
  const metrics = await metricsOf(sidepost);
  const name = "producer_uncaught_errors_total";
  expect(metrics.get(name)?.samples.get(name)).toBe(2);
  sidepost.kill();
  expect(await sidepost.exited).toBe(0);
  expect(uncaught(sidepost)).toHaveLength(2);
  expect(sidepost.text).toEqual([]);
});

test("a drain that breaks is told, and ends the process all the same", async () => {
  await using sidepost = await start();
  sidepost.kill("SIGWINCH");
  sidepost.kill();
  expect(await sidepost.exited).toBe(0);
  expect(uncaught(sidepost)).toMatchObject([{ level: "error", err: { message: "the drain breaks" } }]);
  expect(sidepost.log.at(-1)).toMatchObject({ msg: "Drained", lost: 0 });
});
