import { expect, test } from "bun:test";

const loadTest = (...flags: string[]) =>
  Bun.spawnSync([process.execPath, `${import.meta.dir}/load.ts`, ...flags], { env: {}, stderr: "pipe" });

test.each(["http://192.0.2.1:8080", "http://example.com", "http://127.0.0.1@example.com", "nonsense"])(
  "the load test refuses %s, which is not loopback",
  (url) => {
    const { exitCode, stderr } = loadTest("--url", url);
    expect(exitCode).toBe(2);
    expect(stderr.toString()).toContain("--url: only loopback is loaded");
  },
);

test("the load test names every flag that is wrong", () => {
  const { exitCode, stderr } = loadTest("--seconds", "100000", "--mode", "hard");
  expect(exitCode).toBe(2);
  expect(stderr.toString()).toContain("--seconds: ");
  expect(stderr.toString()).toContain("--mode: ");
});
