import { Hono } from "hono";

import type { HealthReport } from "../../usecase/health.ts";
import type { Answers } from "../answer.ts";

export interface HealthRoutesOptions {
  answers: Answers;
  health: () => HealthReport;
  /** Undefined when ready, otherwise why not. */
  notReady: () => string | undefined;
  /** Why only a restart can help, if so. */
  fatalError: () => string | undefined;
}

export const HEALTH_PATHS = ["/livez", "/readyz", "/ready", "/health"] as const;

/** Whether the process turns, may be sent events, and is well. */
export function healthRoutes({ answers, health, notReady, fatalError }: HealthRoutesOptions): Hono {
  const live = () => {
    const reason = fatalError();
    return reason === undefined
      ? answers.json(200, { status: "alive" })
      : answers.json(503, { status: "failed", reason });
  };
  const ready = () => {
    const reason = notReady();
    return reason === undefined
      ? answers.json(200, { status: "ready" })
      : answers.json(503, { status: "not ready", reason });
  };
  return new Hono()
    .get("/livez", live)
    .get("/readyz", ready)
    .get("/ready", ready)
    .get("/health", () => {
      const report = health();
      return answers.json(report.status === "healthy" ? 200 : 503, report);
    });
}
