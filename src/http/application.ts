import { Hono, type MiddlewareHandler } from "hono";
import { cors } from "hono/cors";
import { routePath } from "hono/route";

import { type Failure, failure } from "../domain/errors.ts";
import type { Logger } from "../domain/logger.ts";
import type { RequestTally } from "../usecase/request-tally.ts";
import type { Answers } from "./answer.ts";

export interface ApplicationOptions {
  answers: Answers;
  logger: Logger;
  requests: RequestTally;
  /** Posts that count their requests and mind their errors themselves. */
  hot?: Hono;
  /** Answers some of the posts that `hot` takes, without its router. */
  shortcut?: (request: Request) => Promise<Response> | undefined;
  /** All others. */
  routes: Hono[];
  /** Origins whose pages may call; none by default. */
  origins?: "*" | readonly string[];
}

/** Answers requests. */
export interface Application {
  fetch(request: Request): Response | Promise<Response>;
}

const NOT_POST = ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"];
const ALL = [...NOT_POST, "POST"];

/** Puts routes together, with what every one of them needs: counting, CORS where it is on, and an answer to all else. */
export function createApplication(options: ApplicationOptions): Application {
  const { answers, logger, requests, hot, shortcut, routes, origins = [] } = options;
  const app = new Hono();
  const other = requests.route("other");
  if (origins.length > 0) app.use(cors(corsOptions(origins)));
  if (hot) app.route("/", hot);
  // By method: a middleware that matches the hot posts as well makes Hono drive each by more promises.
  app.on(hot ? NOT_POST : ALL, "*", counted(requests));
  for (const route of routes) app.route("/", route);

  const isHot = (method: string) => hot !== undefined && method === "POST";
  app.notFound((c) => {
    const { method, path } = c.req;
    if (isHot(method)) requests.answered(other, method, 404, 0, 0);
    const allowed = ALL.filter((each) => each !== method && takes(app, each, path));
    if (allowed.length === 0) return answers.problem(nothingAt(method, path));
    const answer = answers.problem(
      failure("method-not-allowed", `${path} does not take ${method}; allowed: ${allowed.join(", ")}`),
    );
    answer.headers.set("allow", allowed.join(", "));
    return answer;
  });
  app.onError((error, c) => {
    const { method, path } = c.req;
    return answers.problem(recovered(logger, error, `${method} ${path}`));
  });
  // With CORS an answer has headers of the middleware's.
  if (shortcut === undefined || origins.length > 0) return app;
  return { fetch: (request) => shortcut(request) ?? app.fetch(request) };
}

/** Whether any route, beside what goes with all of them, takes the method at the path. */
function takes(app: Hono, method: string, path: string): boolean {
  return app.router.match(method, path)[0].some(([[, { path: pattern }]]) => !pattern.endsWith("*"));
}

const nothingAt = (method: string, path: string): Failure =>
  failure("not-found", `there is nothing at ${method} ${path}; see the README for the paths`);

/** A thrown error as a failure that says nothing of our insides, with one log line that says all. */
export function recovered(logger: Logger, error: unknown, request: string) {
  logger.error({ err: error, request }, "Request failed");
  return failure("internal", "an unexpected error; the log has its details");
}

function counted(requests: RequestTally): MiddlewareHandler {
  return async (c, next) => {
    const start = performance.now();
    await next();
    requests.answered(requests.route(routePath(c)), c.req.method, c.res.status, start, performance.now());
  };
}

const corsOptions = (origins: "*" | readonly string[]) => ({
  origin: origins === "*" ? "*" : [...origins],
  allowMethods: ["GET", "POST"],
  allowHeaders: ["content-type", "idempotency-key", "prefer", "traceparent", "tracestate"],
  exposeHeaders: ["idempotency-replayed", "location", "preference-applied", "retry-after"],
  maxAge: 600,
});
