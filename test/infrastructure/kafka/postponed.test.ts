import { expect, test } from "bun:test";

import type { LogFields } from "../../../src/domain/logger.ts";
import { createPostponedLog } from "../../../src/infrastructure/kafka/postponed.ts";

test("of a topic for which events wait there is one line, until none waits any more", () => {
  const lines: LogFields[] = [];
  const warn = (fields: LogFields) => void lines.push(fields);
  const log = createPostponedLog({ debug: warn, info: warn, warn, error: warn }, (code) => `error ${code}`);
  const [a, b] = ["a", "b"].map((topic) => ({ topic, events: 3, code: -188 }));
  log([a!]);
  log([a!, b!]);
  log([b!]);
  log([a!, b!]);
  expect(lines.map(({ topic }) => topic)).toEqual(["a", "b", "a"]);
  expect(lines[0]).toEqual({ topic: "a", events: 3, code: -188, error: "error -188" });
});
