import type { ProducerStatus } from "../domain/ports.ts";
import type { SpoolingStatus } from "./spooling.ts";
import type { AdmissionStatus } from "./admission.ts";
import type { Recent } from "./tally.ts";

/** One thing that is watched: whether it is well, and the figure behind that. */
export interface Check {
  healthy: boolean;
  [figure: string]: unknown;
}

export interface HealthReport {
  status: "healthy" | "unhealthy";
  checks: { kafka: Check; error_rate: Check; admission: Check; spool?: Check; draining: Check };
}

/** Above this share of failed deliveries in the last minute the service is not well. */
const MAX_ERROR_RATE = 0.1;

/** Judges the process by its figures. `spool` where there is one. */
export function judgeHealth(
  status: ProducerStatus,
  admission: AdmissionStatus,
  recent: Recent,
  draining: boolean,
  spool?: SpoolingStatus,
): HealthReport {
  const checks = {
    kafka: {
      healthy: status.brokersUp > 0 && status.fatalError === undefined,
      brokers_up: status.brokersUp,
      brokers_known: status.brokersKnown,
      ...(status.lastError === undefined ? {} : { last_error: status.lastError }),
      ...(status.fatalError === undefined ? {} : { fatal_error: status.fatalError }),
    },
    error_rate: {
      healthy: recent.errorRate <= MAX_ERROR_RATE,
      error_rate: recent.errorRate,
      limit: MAX_ERROR_RATE,
      published: recent.published,
      failed: recent.failed,
      window_seconds: 60,
    },
    admission: {
      healthy: admission.open,
      queued_events: admission.queuedRecords,
      queued_bytes: admission.queuedBytes,
      request_bytes: admission.requestBytes,
      limit_bytes: admission.limitBytes,
    },
    ...(spool === undefined ? {} : { spool: judgeSpool(spool) }),
    draining: { healthy: !draining },
  };
  const healthy = Object.values(checks).every((check) => check.healthy);
  return { status: healthy ? "healthy" : "unhealthy", checks };
}

const judgeSpool = ({ records, bytes, problem }: SpoolingStatus): Check => ({
  healthy: problem === undefined,
  events: records,
  bytes,
  ...(problem === undefined ? {} : { problem }),
});
