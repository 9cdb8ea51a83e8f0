import { type Failure, failure } from "../../domain/errors.ts";
import { type EventCore, REFUSED } from "./core.ts";
import { kafkaFailure } from "./errors.ts";
import { Kafka } from "./upstream.ts";

const { ERR__QUEUE_FULL } = Kafka.ERRORS;
const LINE_FEED = 10;

/** The failure that the number stands for which the core returned instead of taking `body`. */
export function refusal(core: EventCore, code: number, body: Uint8Array): Failure {
  switch (code) {
    case REFUSED.malformed:
      return failure("malformed-body", `the body is not JSON: it breaks at ${place(body, core.brokenAt())}`);
    case REFUSED.invalid:
      return failure("invalid-event", "the event is not valid");
    case REFUSED.noRoom:
      return kafkaFailure(ERR__QUEUE_FULL, core.errorText(ERR__QUEUE_FULL));
    case REFUSED.tooMuch:
      return failure(
        "body-too-large",
        "the batch holds more than the whole queue to Kafka may; post it in parts, or raise the container's memory limit or ADMISSION_MAX_BYTES",
      );
    default:
      return kafkaFailure(code, core.errorText(code));
  }
}

/** As people and editors count: from 1. */
function place(body: Uint8Array, offset: number): string {
  let [line, start] = [1, 0];
  for (let at = body.indexOf(LINE_FEED); at !== -1 && at < offset; at = body.indexOf(LINE_FEED, start)) {
    line++;
    start = at + 1;
  }
  return `line ${line}, byte ${offset - start + 1}`;
}
