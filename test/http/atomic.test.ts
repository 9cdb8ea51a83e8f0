import { expect, test } from "bun:test";
import { atomicWait, readAtomic } from "../../src/http/atomic.ts";

const URL = "http://localhost:8080/api/v1/events";

test("a batch is atomic where the query says so, and not otherwise", () => {
  expect(readAtomic(`${URL}?atomic=true`)).toBeTrue();
  expect(readAtomic(`${URL}?a=1&atomic=true&b`)).toBeTrue();
  for (const query of ["", "?", "?atomic=false", "?other=true"]) expect(readAtomic(URL + query)).toBeFalse();
});

test.each(["atomic", "atomic=", "atomic=1", "atomic=TRUE", "atomic=true&atomic=false"])(
  "?%s is refused, and what is allowed is named",
  (query) => {
    expect(readAtomic(`${URL}?${query}`)).toMatchObject({
      code: "invalid-parameter",
      detail: expect.stringMatching(/atomic=.*; allowed: one atomic=true or atomic=false/),
    });
  },
);

test("a commit is waited for, however posts are answered otherwise, but not for one who asks not to wait", () => {
  expect(atomicWait(2000, true, 15_000)).toBe(2000);
  expect(atomicWait("no", false, 15_000)).toBe(15_000);
  expect(atomicWait("no", true, 15_000)).toMatchObject({ code: "invalid-parameter" });
});
