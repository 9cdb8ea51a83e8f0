import { expect, test } from "bun:test";
import { Hono } from "hono";
import type { LogFields, Logger } from "../../src/domain/logger.ts";
import { createAnswers } from "../../src/http/answer.ts";
import { createApplication, recovered } from "../../src/http/application.ts";
import { request } from "../helpers/app.ts";
import { createRequestTally } from "../../src/usecase/request-tally.ts";

test("a handler that throws is a 500 without our insides, one log line with them, and a count", async () => {
  const { app, lines, statuses } = start();
  const response = await request(app, "/broken");
  expect(response.status).toBe(500);
  expect(await response.json()).toEqual({
    type: "urn:sidepost:problem:internal",
    title: "Something went wrong inside sidepost",
    status: 500,
    detail: "an unexpected error; the log has its details",
    code: "internal",
    retriable: true,
  });
  expect(response.headers.get("x-content-type-options")).toBe("nosniff");
  expect(lines).toEqual([{ err: new Error("secret"), request: "GET /broken", msg: "Request failed" }]);
  expect(statuses("/broken")).toEqual({ "GET 500": 1 });
  expect((await request(app, "/well")).status).toBe(200);
});

test("what nothing answers is a 404 that names the request", async () => {
  const { app, statuses } = start();
  const response = await request(app, "/nowhere", { method: "PUT" });
  expect(response.status).toBe(404);
  expect(await response.json()).toMatchObject({
    code: "not-found",
    detail: "there is nothing at PUT /nowhere; see the README for the paths",
  });
  await request(app, "/nowhere", { method: "POST" });
  await request(app, "/well", { method: "PUT" });
  expect(statuses("other")).toEqual({ "PUT 404": 1, "PUT 405": 1, "POST 404": 1 });
});

test("hot routes are not counted twice, all others once", async () => {
  const { app, statuses } = start();
  await request(app, "/hot", { method: "POST" });
  await request(app, "/well");
  await request(app, "/well");
  expect(statuses("/hot")).toEqual({});
  expect(statuses("/well")).toEqual({ "GET 200": 2 });
});

test("an error outside of any route is logged with what is known of the request", () => {
  const { logger, lines } = recorder();
  expect(recovered(logger, "not even an Error", "unknown").code).toBe("internal");
  expect(lines).toEqual([{ err: "not even an Error", request: "unknown", msg: "Request failed" }]);
});

/** An application of a route that works, one that throws, and one that counts for itself. */
function start() {
  const { logger, lines } = recorder();
  const answers = createAnswers({ draining: () => false });
  const requests = createRequestTally(["/well", "/broken", "/hot"]);
  const hot = new Hono().post("/hot", () => answers.json(200, {}));
  const routes = new Hono()
    .get("/well", () => answers.json(200, {}))
    .get("/broken", () => {
      throw new Error("secret");
    });
  const app = createApplication({ answers, logger, requests, hot, routes: [routes] });
  const statuses = (route: string) =>
    Object.fromEntries(
      [...requests.route(route).methods].flatMap(([method, tally]) =>
        Array.from(tally.statuses, ([status, count]) => [`${method} ${status}`, count]),
      ),
    );
  return { app, lines, statuses };
}

function recorder() {
  const lines: LogFields[] = [];
  const logger: Logger = {
    debug() {},
    info() {},
    warn() {},
    error: (fields, msg) => void lines.push({ ...fields, msg }),
  };
  return { logger, lines };
}
