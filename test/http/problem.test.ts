import { expect, test } from "bun:test";
import { ERROR_KINDS, type ErrorCode, failure } from "../../src/domain/errors.ts";
import { problemHeaders, statusOf, toProblem } from "../../src/http/problem.ts";

const CODES = Object.keys(ERROR_KINDS) as ErrorCode[];

test("every error code has a status of an error", () => {
  for (const code of CODES) {
    expect(statusOf(code)).toBeGreaterThanOrEqual(400);
    expect(statusOf(code)).toBeLessThan(600);
  }
});

test("what no change of the post can help is never retriable, and what the client did is never a 5xx", () => {
  const retriable4xx = CODES.filter((code) => statusOf(code) < 500 && toProblem(failure(code, "")).retriable);
  expect(retriable4xx).toEqual(["idempotency-key-busy", "request-timeout", "client-left"]);
  const final5xx = CODES.filter((code) => statusOf(code) >= 500 && !toProblem(failure(code, "")).retriable);
  expect(final5xx).toEqual(["kafka-rejected"]);
});

test("the statuses that the API promises", () => {
  const promised: [ErrorCode, number][] = [
    ["malformed-body", 400],
    ["forbidden-topic", 403],
    ["unknown-event", 404],
    ["method-not-allowed", 405],
    ["body-too-large", 413],
    ["event-too-large", 413],
    ["unsupported-media-type", 415],
    ["invalid-event", 422],
    ["idempotency-key-malformed", 400],
    ["idempotency-key-busy", 409],
    ["idempotency-key-reused", 422],
    ["idempotency-unavailable", 503],
    ["admission-closed", 503],
    ["draining", 503],
    ["delivery-timeout", 504],
  ];
  for (const [code, status] of promised) expect({ code, status: statusOf(code) }).toEqual({ code, status });
});

test("a problem has the members of RFC 9457, a stable code, and whether a retry can help", () => {
  expect(toProblem(failure("delivery-timeout", "not within 15 s"))).toEqual({
    type: "urn:sidepost:problem:delivery-timeout",
    title: "Kafka did not confirm the event in time",
    status: 504,
    detail: "not within 15 s",
    code: "delivery-timeout",
    retriable: true,
  });
});

test("a problem names the event and the violations where there are any", () => {
  const violations = [{ pointer: "/data", detail: "is missing" }];
  const problem = toProblem(failure("invalid-event", "/data is missing", { violations }), "id-1");
  expect(problem).toMatchObject({ event_id: "id-1", errors: violations });
});

test("the headers say the media type, and when to come again", () => {
  const type = "application/problem+json";
  expect(problemHeaders(failure("invalid-event", ""))).toEqual({ "content-type": type });
  expect(problemHeaders(failure("admission-closed", "", { retryAfter: 2 }))).toEqual({
    "content-type": type,
    "retry-after": "2",
  });
});
