/**
 * The closed set of what can go wrong with an event, and whether the same post can succeed later.
 * Status codes are not chosen here: http/problem.ts maps each code to one.
 */
export const ERROR_KINDS = {
  "malformed-body": { title: "The body is not JSON", retriable: false },
  "idempotency-key-malformed": { title: "The Idempotency-Key cannot be read", retriable: false },
  "invalid-parameter": { title: "A parameter of the request is not allowed", retriable: false },
  "unknown-event": { title: "No event of this name is configured", retriable: false },
  "unknown-receipt": { title: "Nothing is known of an event with this id", retriable: false },
  "not-found": { title: "There is nothing at this path", retriable: false },
  "method-not-allowed": { title: "This path does not take this method", retriable: false },
  "unknown-topic": { title: "Kafka has no such topic", retriable: false },
  "forbidden-origin": { title: "This web page may not post here", retriable: false },
  "forbidden-topic": { title: "Kafka does not let this client write to the topic", retriable: false },
  "idempotency-key-busy": {
    title: "The first post with this Idempotency-Key is not answered yet",
    retriable: true,
  },
  "request-timeout": { title: "The request did not arrive in time", retriable: true },
  "client-left": { title: "The client left before its answer", retriable: true },
  "body-too-large": { title: "The body is larger than this server takes", retriable: false },
  "event-too-large": { title: "The event is larger than Kafka takes", retriable: false },
  "unsupported-media-type": { title: "This content type is not understood", retriable: false },
  "invalid-event": { title: "The event is not valid", retriable: false },
  "idempotency-key-reused": { title: "Another post has had this Idempotency-Key", retriable: false },
  "idempotency-unavailable": {
    title: "Whether this Idempotency-Key is known cannot be said",
    retriable: true,
  },
  "receipts-unavailable": { title: "What became of the event cannot be looked up", retriable: true },
  "spool-unavailable": { title: "The disk takes no events at the moment", retriable: true },
  "admission-closed": { title: "No room for more events at the moment", retriable: true },
  draining: { title: "The server is shutting down", retriable: true },
  "kafka-unavailable": { title: "Kafka cannot take the event at the moment", retriable: true },
  "kafka-rejected": { title: "Kafka refused the event", retriable: false },
  "delivery-timeout": { title: "Kafka did not confirm the event in time", retriable: true },
  "delivery-abandoned": { title: "The event was given up before Kafka confirmed it", retriable: true },
  internal: { title: "Something went wrong inside sidepost", retriable: true },
} as const satisfies Record<string, { title: string; retriable: boolean }>;

export type ErrorCode = keyof typeof ERROR_KINDS;

/** One thing wrong with the input: where (a JSON pointer, RFC 6901) and what, naming what was seen and what is allowed. */
export interface Violation {
  pointer: string;
  detail: string;
}

/** What went wrong, as a value. `detail` says what was seen and what to do. */
export interface Failure {
  code: ErrorCode;
  detail: string;
  /** Seconds after which the same post may succeed. Only where waiting helps. */
  retryAfter?: number;
  violations?: Violation[];
  /** What failed may have been done all the same. */
  unsure?: boolean;
}

/** Builds a {@link Failure}. */
export function failure(
  code: ErrorCode,
  detail: string,
  more: Omit<Failure, "code" | "detail"> = {},
): Failure {
  return { code, detail, ...more };
}

/** Whether the same post can succeed later without being changed. */
export const isRetriable = (code: ErrorCode): boolean => ERROR_KINDS[code].retriable;
