import { expect, test } from "bun:test";
import { readPrefer } from "../../src/http/prefer.ts";

const LONGEST = 15_000;
const read = (header: string | null) => readPrefer(header, 5000, LONGEST);
const unheard = { wait: 5000, applied: undefined };

test("without a preference the default holds, and nothing is said to be applied", () => {
  expect(read(null)).toEqual(unheard);
  expect(readPrefer(null, "no", LONGEST)).toEqual({ wait: "no", applied: undefined });
});

test("respond-async waits for nothing", () => {
  for (const header of ["respond-async", "Respond-Async", " respond-async , handling=lenient"])
    expect(read(header)).toEqual({ wait: "no", applied: { "preference-applied": "respond-async" } });
});

test("wait=N is seconds", () => {
  for (const header of ["wait=3", 'wait="3"', "wait = 3", "WAIT=3", "return=minimal, wait=3"])
    expect(read(header)).toEqual({ wait: 3000, applied: { "preference-applied": "wait=3" } });
  expect(read("wait=0")).toEqual({ wait: 0, applied: { "preference-applied": "wait=0" } });
});

test("nobody may wait longer than the longest, and what is applied is said in whole seconds", () => {
  for (const header of ["wait=16", "wait=99999999999999999999"])
    expect(read(header)).toEqual({ wait: LONGEST, applied: { "preference-applied": "wait=15" } });
  expect(readPrefer("wait=3", 5000, 2500)).toEqual({
    wait: 2500,
    applied: { "preference-applied": "wait=2" },
  });
});

test("of the two, respond-async decides", () => {
  expect(read("wait=3, respond-async").wait).toBe("no");
  expect(read("respond-async, wait=3").wait).toBe("no");
});

test("a caller may ask to wait where the default is not to", () => {
  expect(readPrefer("wait=3", "no", LONGEST).wait).toBe(3000);
});

test("what is not understood is ignored", () => {
  for (const header of ["", "wait", "wait=", "wait=-1", "wait=1.5", "wait=3s", "async", "respond-async=1"])
    expect({ header, read: read(header) }).toEqual({ header, read: unheard });
});
