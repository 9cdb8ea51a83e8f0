import { Hono } from "hono";

import type { Failure } from "../../domain/errors.ts";

import type { Answers } from "../answer.ts";

export interface AdminRoutesOptions {
  answers: Answers;
  /** Undefined where metrics are off. */
  metrics?: { contentType: string; render: () => Promise<string> };
  quit: () => void;
  /** Says why a web page may not post, if it may not. */
  originCheck: (request: Request) => Failure | undefined;
}

export const ADMIN_PATHS = ["/metrics", "/quitquitquit"] as const;

/** What only the kubelet, Prometheus and a Job's own container ask for. */
export function adminRoutes({ answers, metrics, quit, originCheck }: AdminRoutesOptions): Hono {
  const app = new Hono().post("/quitquitquit", (c) => {
    const foreign = originCheck(c.req.raw);
    if (foreign) return answers.problem(foreign);
    quit();
    return answers.json(202, { status: "draining" });
  });
  if (metrics) {
    app.get("/metrics", async () => answers.text(200, await metrics.render(), metrics.contentType));
  }
  return app;
}
