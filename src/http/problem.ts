import { ERROR_KINDS, type ErrorCode, type Failure, isRetriable } from "../domain/errors.ts";

/** The one place where a failure becomes an HTTP status. */
const STATUS: Record<ErrorCode, number> = {
  "malformed-body": 400,
  "idempotency-key-malformed": 400,
  "invalid-parameter": 400,
  "forbidden-origin": 403,
  "forbidden-topic": 403,
  "unknown-event": 404,
  "unknown-topic": 404,
  "unknown-receipt": 404,
  "not-found": 404,
  "method-not-allowed": 405,
  "request-timeout": 408,
  "idempotency-key-busy": 409,
  "body-too-large": 413,
  "event-too-large": 413,
  "unsupported-media-type": 415,
  "invalid-event": 422,
  "idempotency-key-reused": 422,
  "idempotency-unavailable": 503,
  "receipts-unavailable": 503,
  // As nginx counts it: nobody reads the answer, but requests are counted by their status.
  "client-left": 499,
  "spool-unavailable": 503,
  "admission-closed": 503,
  draining: 503,
  "kafka-unavailable": 503,
  "kafka-rejected": 502,
  "delivery-timeout": 504,
  "delivery-abandoned": 503,
  internal: 500,
};

/** A failure as RFC 9457 describes it, with our stable `code` and whether the same post can succeed later. */
export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  code: ErrorCode;
  retriable: boolean;
  /** The event that it is about, where one was already named. */
  event_id?: string;
  errors?: { pointer: string; detail: string }[];
}

export const statusOf = (code: ErrorCode): number => STATUS[code];

/** Describes a failure; `eventId` where the event already has an id. */
export function toProblem({ code, detail, violations }: Failure, eventId?: string): Problem {
  return {
    type: `urn:sidepost:problem:${code}`,
    title: ERROR_KINDS[code].title,
    status: STATUS[code],
    detail,
    code,
    retriable: isRetriable(code),
    ...(eventId === undefined ? {} : { event_id: eventId }),
    ...(violations === undefined ? {} : { errors: violations }),
  };
}

/** What a failure adds to the answer's headers. */
export function problemHeaders({ retryAfter }: Failure): Record<string, string> {
  return {
    "content-type": "application/problem+json",
    ...(retryAfter === undefined ? {} : { "retry-after": String(retryAfter) }),
  };
}
