import { expect, test } from "bun:test";
import { startSidepost } from "./process.ts";

/** A program that says it listens, greets on SIGTERM and exits with 3. */
const PROGRAM = `
  const say = (line) => console.log(JSON.stringify(line));
  process.on("SIGTERM", () => { say({ msg: "bye", args: process.argv.slice(1) }); process.exit(3); });
  console.log("not a log line");
  say({ msg: "listening", data: "http://" + process.env.SERVER_ADDRESS, admin: "http://" + process.env.METRICS_PORT });
  setInterval(() => {}, 1000);
`;
const command = [process.execPath, "-e", PROGRAM, "--"];

test("a started program's addresses come from its log, and its other output is kept", async () => {
  await using sidepost = await startSidepost({ command, env: { METRICS_PORT: "127.0.0.1:9" } });
  expect(sidepost.url).toBe("http://127.0.0.1:0");
  expect(sidepost.adminUrl).toBe("http://127.0.0.1:9");
  expect(sidepost.text).toEqual(["not a log line"]);
});

test("a signal reaches the program, and its last words and exit code come back", async () => {
  await using sidepost = await startSidepost({ command, args: ["--last"] });
  sidepost.kill();
  expect(await sidepost.exited).toBe(3);
  const bye = await sidepost.waitForLog((line) => line["msg"] === "bye");
  expect(bye).toEqual({ msg: "bye", args: ["--last"] });
});

test("a killed program's exit code is 128 and the signal", async () => {
  await using sidepost = await startSidepost({ command });
  sidepost.kill("SIGKILL");
  expect(await sidepost.exited).toBe(137);
});

test("a program that ends before it listens is an error with what it printed", async () => {
  const faulty = [process.execPath, "-e", 'console.error("KAFKA_TOPIC is empty"); process.exit(78)'];
  await expect(startSidepost({ command: faulty })).rejects.toThrow(
    /ended with 78; printed:\nKAFKA_TOPIC is empty/,
  );
});

test("a log line that does not come in time is an error with those that came", async () => {
  await using sidepost = await startSidepost({ command });
  const waiting = sidepost.waitForLog((line) => line["msg"] === "never", 50);
  await expect(waiting).rejects.toThrow(/50 ms passed; printed:\n\{"msg":"listening"/);
});
