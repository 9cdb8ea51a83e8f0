import { expect, test } from "bun:test";
import type { ProducerStatus } from "../../src/domain/ports.ts";
import type { AdmissionStatus } from "../../src/usecase/admission.ts";
import { judgeHealth } from "../../src/usecase/health.ts";

const WELL: ProducerStatus = {
  contacted: true,
  brokersUp: 2,
  brokersKnown: 3,
  queuedRecords: 4,
  queuedBytes: 500,
  retries: 0,
  renewals: 0,
};
const ROOM: AdmissionStatus = {
  open: true,
  queuedRecords: 4,
  queuedBytes: 500,
  requestBytes: 60,
  limitBytes: 1000,
  secondsToFull: 7,
};
const QUIET = { published: 0, failed: 0, errorRate: 0 };

test("a process is well with a broker up, room and few failures, and says by which figures", () => {
  const recent = { published: 9, failed: 1, errorRate: 0.1 };
  expect(judgeHealth(WELL, ROOM, recent, false)).toEqual({
    status: "healthy",
    checks: {
      kafka: { healthy: true, brokers_up: 2, brokers_known: 3 },
      error_rate: { healthy: true, error_rate: 0.1, limit: 0.1, published: 9, failed: 1, window_seconds: 60 },
      admission: {
        healthy: true,
        queued_events: 4,
        queued_bytes: 500,
        request_bytes: 60,
        limit_bytes: 1000,
      },
      draining: { healthy: true },
    },
  });
});

test("without a broker it is not well, and the client's last error says why", () => {
  const report = judgeHealth(
    { ...WELL, brokersUp: 0, lastError: "all broker connections are down" },
    ROOM,
    QUIET,
    false,
  );
  expect(report.status).toBe("unhealthy");
  expect(report.checks.kafka).toMatchObject({
    healthy: false,
    last_error: "all broker connections are down",
  });
  expect(report.checks.admission.healthy).toBeTrue();
});

test("more than a tenth of failures is not well", () => {
  const report = judgeHealth(WELL, ROOM, { published: 89, failed: 11, errorRate: 0.11 }, false);
  expect(report).toMatchObject({
    status: "unhealthy",
    checks: { error_rate: { healthy: false, error_rate: 0.11 } },
  });
});

test("a process whose admission is closed is not well", () => {
  const report = judgeHealth(WELL, { ...ROOM, open: false }, QUIET, false);
  expect(report).toMatchObject({ status: "unhealthy", checks: { admission: { healthy: false } } });
});

test("a process that shuts down is not well", () => {
  const report = judgeHealth(WELL, ROOM, QUIET, true);
  expect(report).toMatchObject({ status: "unhealthy", checks: { draining: { healthy: false } } });
});
