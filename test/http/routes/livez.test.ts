import { expect, test } from "bun:test";
import { createAnswers } from "../../../src/http/answer.ts";
import { healthRoutes } from "../../../src/http/routes/health.ts";
import { judgeHealth } from "../../../src/usecase/health.ts";

test("a process whose client has failed for good asks to be restarted, and says why", async () => {
  let fatal: string | undefined;
  const app = healthRoutes({
    answers: createAnswers({ draining: () => false }),
    health: () => {
      throw new Error("not asked");
    },
    notReady: () => undefined,
    fatalError: () => fatal,
  });
  expect((await app.request("/livez")).status).toBe(200);
  fatal = "Broker: Cluster authorization failed";
  const answer = await app.request("/livez");
  expect(answer.status).toBe(503);
  expect(await answer.json()).toEqual({ status: "failed", reason: fatal });
});

test("a client that has failed for good is not healthy, however many brokers are up", () => {
  const status = {
    contacted: true,
    brokersUp: 3,
    brokersKnown: 3,
    queuedRecords: 0,
    queuedBytes: 0,
    retries: 0,
    renewals: 0,
    fatalError: "Fenced",
  };
  const admission = {
    open: true,
    queuedRecords: 0,
    queuedBytes: 0,
    requestBytes: 0,
    limitBytes: 1000,
    secondsToFull: Infinity,
  };
  const report = judgeHealth(status, admission, { published: 0, failed: 0, errorRate: 0 }, false);
  expect(report).toMatchObject({
    status: "unhealthy",
    checks: { kafka: { healthy: false, fatal_error: "Fenced" } },
  });
});
