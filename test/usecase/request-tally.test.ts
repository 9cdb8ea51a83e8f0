import { expect, test } from "bun:test";
import { createRequestTally } from "../../src/usecase/request-tally.ts";

test("requests are counted by route, method and status", () => {
  const requests = createRequestTally(["/api/v1/events/:name"]);
  const route = requests.route("/api/v1/events/:name");
  requests.answered(route, "POST", 201, 0, 2);
  requests.answered(route, "POST", 201, 0, 4);
  requests.answered(route, "POST", 422, 0, 6);
  requests.answered(route, "GET", 405, 0, 1);
  expect(route.methods.get("POST")?.statuses).toEqual(
    new Map([
      [201, 2],
      [422, 1],
    ]),
  );
  expect(route.methods.get("POST")?.seconds.sum).toBeCloseTo(0.012);
  expect(route.methods.get("GET")?.statuses).toEqual(new Map([[405, 1]]));
});

test("unknown routes share one label", () => {
  const requests = createRequestTally(["/livez"]);
  requests.answered(requests.route("/admin.php"), "GET", 404, 0, 1);
  requests.answered(requests.route("/wp-login"), "GET", 404, 0, 1);
  expect(requests.routes.map(({ route }) => route)).toEqual(["/livez", "other"]);
  expect(requests.route("/anything").methods.get("GET")?.statuses.get(404)).toBe(2);
});

test("unknown methods share one label", () => {
  const requests = createRequestTally(["/livez"]);
  const route = requests.route("/livez");
  requests.answered(route, "BREW", 405, 0, 1);
  requests.answered(route, "PROPFIND", 405, 0, 1);
  expect([...route.methods.keys()]).toEqual(["other"]);
  expect(route.methods.get("other")?.statuses.get(405)).toBe(2);
});
