import { expect, test } from "bun:test";
import { failure } from "../../src/domain/errors.ts";
import { createAnswers } from "../../src/http/answer.ts";
import { RESPOND_ASYNC } from "../../src/http/prefer.ts";

const SECURE = {
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
};

const headersOf = (response: Response): object => Object.fromEntries(response.headers);

test("JSON, text and problems have the secure headers and their own type", () => {
  const answers = createAnswers({ draining: () => false });
  const json = { ...SECURE, "content-type": "application/json" };
  expect(headersOf(answers.json(200, {}))).toEqual(json);
  expect(headersOf(answers.json(200, {}, { "preference-applied": "wait=1" }))).toEqual({
    ...json,
    "preference-applied": "wait=1",
  });
  expect(headersOf(answers.text(200, "", "text/plain"))).toEqual({ ...SECURE, "content-type": "text/plain" });
  expect(headersOf(answers.problem(failure("draining", "", { retryAfter: 1 })))).toEqual({
    ...SECURE,
    "content-type": "application/problem+json",
    "retry-after": "1",
  });
});

test("a problem has the status of its code, and the event that it is about", async () => {
  const answers = createAnswers({ draining: () => false });
  const response = answers.problem(failure("delivery-timeout", "late"), "id-1");
  expect(response.status).toBe(504);
  expect(await response.json()).toMatchObject({ status: 504, code: "delivery-timeout", event_id: "id-1" });
});

test("while draining every answer asks to close the connection, and before that none", () => {
  let draining = false;
  const answers = createAnswers({ draining: () => draining });
  const all = () => [
    answers.json(200, {}),
    answers.text(200, "", "text/plain"),
    answers.problem(failure("draining", "")),
  ];
  const connections = () => all().map(({ headers }) => headers.get("connection"));
  expect(connections()).toEqual([null, null, null]);
  draining = true;
  expect(connections()).toEqual(["close", "close", "close"]);
});

test.each([{ "preference-applied": "respond-async" }, RESPOND_ASYNC, undefined])(
  "of two answers each has its own location, with %p",
  (applied) => {
    const { json } = createAnswers({ draining: () => false });
    const answers = ["/a", "/b"].map((location) => json(202, {}, applied, location));
    const nowhere = json(202, {}, applied);
    expect([...answers, nowhere].map(({ headers }) => headers.get("location"))).toEqual(["/a", "/b", null]);
    for (const answer of answers) expect(headersOf(answer)).toMatchObject({ ...SECURE, ...applied });
  },
);
