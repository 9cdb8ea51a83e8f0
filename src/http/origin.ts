import { type Failure, failure } from "../domain/errors.ts";

/**
 * Keeps other people's web pages out. A browser lets any page send a simple POST to localhost and only hides the answer,
 * but it says whose page it is (RFC 6454); programs say nothing. Returns why a request is refused, if it is.
 */
export function createOriginCheck(
  allowed: "*" | readonly string[],
): (request: Request) => Failure | undefined {
  return ({ headers }) => {
    const origin = headers.get("origin");
    if (origin === null || allowed === "*" || allowed.includes(origin)) return undefined;
    return failure("forbidden-origin", `a page of ${origin} may not post here; CORS_ORIGINS says which may`);
  };
}
