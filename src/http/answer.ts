import type { Failure } from "../domain/errors.ts";
import { problemHeaders, statusOf, toProblem } from "./problem.ts";

/** What every answer says, whatever it is about: it is data, for the one who asked, and nothing to run or frame. */
const SECURE_HEADERS = {
  "x-content-type-options": "nosniff",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "referrer-policy": "no-referrer",
  "cache-control": "no-store",
};

/** Makes responses. */
export interface Answers {
  json(status: number, body: unknown, headers?: Record<string, string>): Response;
  text(status: number, body: string, contentType: string): Response;
  problem(error: Failure, eventId?: string): Response;
}

/** `draining`: whether the caller had better open no further requests on this connection. */
export function createAnswers({ draining }: { draining: () => boolean }): Answers {
  const json = { ...SECURE_HEADERS, "content-type": "application/json" };

  function respond(status: number, body: string, headers: Record<string, string>): Response {
    const response = new Response(body, { status, headers });
    if (draining()) response.headers.set("connection", "close");
    return response;
  }

  return {
    json: (status, body, headers) =>
      respond(status, JSON.stringify(body), headers === undefined ? json : { ...json, ...headers }),
    text: (status, body, contentType) =>
      respond(status, body, { ...SECURE_HEADERS, "content-type": contentType }),
    problem: (error, eventId) =>
      respond(statusOf(error.code), JSON.stringify(toProblem(error, eventId)), {
        ...SECURE_HEADERS,
        ...problemHeaders(error),
      }),
  };
}
