import { expect, test } from "bun:test";
import { RdKafka } from "@confluentinc/kafka-javascript";
import { type EventCore, REFUSED } from "../../../src/infrastructure/kafka/core.ts";
import { refusal } from "../../../src/infrastructure/kafka/refusal.ts";

const { ERRORS } = RdKafka.CODES;

const refused = (code: number, body = "", brokenAt = 0) => {
  const core = { brokenAt: () => brokenAt, errorText: (number: number) => `error ${number}` };
  return refusal(core as EventCore, code, Buffer.from(body));
};

test("a malformed body is named by line and byte, both from 1", () => {
  const places = [
    ["{", 1, "line 1, byte 2"],
    ["", 0, "line 1, byte 1"],
    ['{\n"a"\n]', 6, "line 3, byte 1"],
    ["{}\n{}\n", 2, "line 1, byte 3"],
    ["{}\n\n\n x\n\n", 6, "line 4, byte 2"],
  ] as const;
  for (const [body, offset, place] of places)
    expect(refused(REFUSED.malformed, body, offset)).toEqual({
      code: "malformed-body",
      detail: `the body is not JSON: it breaks at ${place}`,
    });
});

test("an invalid event is known to be that, and no more", () => {
  expect(refused(REFUSED.invalid).code).toBe("invalid-event");
});

test("no room for all of a batch is a full queue", () => {
  expect(refused(REFUSED.noRoom)).toEqual(refused(ERRORS.ERR__QUEUE_FULL));
  expect(refused(REFUSED.noRoom)).toMatchObject({ code: "admission-closed", retryAfter: 1 });
});

test("everything else is librdkafka's, in its own words", () => {
  const { code, detail } = refused(ERRORS.ERR_MSG_SIZE_TOO_LARGE);
  expect(code).toBe("event-too-large");
  expect(detail).toStartWith(`librdkafka says: error ${ERRORS.ERR_MSG_SIZE_TOO_LARGE}; `);
});
