import { expect, test } from "bun:test";
import { createOriginCheck } from "../../src/http/origin.ts";

const from = (origin?: string) =>
  new Request("http://localhost:8080/api/v1/events/user", {
    method: "POST",
    headers: origin === undefined ? {} : { origin },
  });

test("programs, which send no origin, may post", () => {
  expect(createOriginCheck([])(from())).toBeUndefined();
});

test("a web page may post only where it is named", () => {
  const check = createOriginCheck(["https://ours.example"]);
  expect(check(from("https://ours.example"))).toBeUndefined();
  for (const origin of ["https://evil.example", "http://ours.example", "null", "http://localhost:8080"])
    expect(check(from(origin))).toMatchObject({
      code: "forbidden-origin",
      detail: expect.stringContaining(origin),
    });
});

test("any page may post where all are allowed", () => {
  expect(createOriginCheck("*")(from("https://anyone.example"))).toBeUndefined();
});
