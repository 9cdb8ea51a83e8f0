import { afterEach, beforeEach, expect, jest, test } from "bun:test";
import { createComplaint } from "../../../src/infrastructure/spool/complaint.ts";

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

function observe() {
  const lines: string[] = [];
  const line = (fields: Record<string, unknown>, msg: string) =>
    void lines.push([msg, fields["detail"]].join(" "));
  return { lines, complaint: createComplaint({ debug: line, info: line, warn: line, error: line }) };
}

test("trouble that lasts is said each 10 s, another one at once, and its end once", () => {
  const { lines, complaint } = observe();
  for (let second = 0; second < 15; second++) {
    complaint.raise("Stuck:", "mud");
    jest.advanceTimersByTime(1000);
  }
  expect(lines).toEqual(["Stuck: mud", "Stuck: mud"]);
  complaint.raise("Stuck:", "snow");
  expect(complaint.detail()).toBe("snow");
  complaint.settle("Free");
  complaint.settle("Free");
  expect(lines.slice(2)).toEqual(["Stuck: snow", "Free "]);
  expect(complaint.detail()).toBeUndefined();
});
