import type { Failure } from "../domain/errors.ts";
import { RESPOND_ASYNC } from "./prefer.ts";
import { problemHeaders, statusOf, toProblem } from "./problem.ts";

/** What every answer says, whatever it is about: it is data, for the one who asked, and nothing to run or frame. */
const SECURE_HEADERS = {
  "x-content-type-options": "nosniff",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "referrer-policy": "no-referrer",
  "cache-control": "no-store",
};

/** Made once: a Response takes over a Headers object for half of what it takes to read a plain one (0.4 against 0.9 us). */
const JSON_HEADERS = new Headers({ ...SECURE_HEADERS, "content-type": "application/json" });
/** Those of most answers that have a location as well: to set one header takes some 0.3 us. */
const ASYNC_HEADERS = new Headers({ ...JSON_HEADERS.toJSON(), ...RESPOND_ASYNC });
/** A Response copies them, so the location of one is not that of the next. Its own `headers` would be an object more: 2 % of an event. */
const LOCATED_HEADERS = new Headers(ASYNC_HEADERS.toJSON());

/** Makes responses. */
export interface Answers {
  json(status: number, body: unknown, headers?: Record<string, string>, location?: string): Response;
  /** The same with a body that is JSON already. */
  rendered(status: number, body: string | Uint8Array, headers?: Record<string, string>): Response;
  text(status: number, body: string, contentType: string): Response;
  problem(error: Failure, eventId?: string): Response;
}

/** `draining`: whether the caller had better open no further requests on this connection. */
export function createAnswers({ draining }: { draining: () => boolean }): Answers {
  function respond(status: number, body: string | Uint8Array, headers: Headers | Record<string, string>) {
    const response = new Response(body, { status, headers });
    if (draining()) response.headers.set("connection", "close");
    return response;
  }

  function rendered(status: number, body: string | Uint8Array, more?: Record<string, string>): Response {
    if (more === RESPOND_ASYNC) return respond(status, body, ASYNC_HEADERS);
    const response = respond(status, body, JSON_HEADERS);
    for (const name in more) response.headers.set(name, more[name]!);
    return response;
  }

  function json(status: number, body: unknown, more?: Record<string, string>, location?: string): Response {
    const text = JSON.stringify(body);
    if (location === undefined) return rendered(status, text, more);
    if (more === RESPOND_ASYNC) {
      LOCATED_HEADERS.set("location", location);
      return respond(status, text, LOCATED_HEADERS);
    }
    const response = rendered(status, text, more);
    response.headers.set("location", location);
    return response;
  }

  return {
    json,
    rendered,
    text: (status, body, contentType) =>
      respond(status, body, { ...SECURE_HEADERS, "content-type": contentType }),
    problem: (error, eventId) =>
      respond(statusOf(error.code), JSON.stringify(toProblem(error, eventId)), {
        ...SECURE_HEADERS,
        ...problemHeaders(error),
      }),
  };
}
