import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "../../src/native/toolchain.ts";

/** What an OAuth 2.0 client sent for a token (RFC 6749, 4.4.2). */
export interface TokenRequest {
  authorization: string | null;
  form: Record<string, string>;
}

export type Answer = (request: TokenRequest) => Response | Promise<Response>;

/** A token endpoint of 127.0.0.1. Disposing of it ends it. */
export interface TokenEndpoint extends AsyncDisposable {
  url: string;
  /** Every request so far. */
  requests: TokenRequest[];
  /** What it answers from now on. */
  answer: Answer;
}

export interface Certificate extends Disposable {
  key: string;
  /** A PEM file that vouches for itself: the certificate and its CA in one. */
  certificate: string;
}

/** Starts a token endpoint that answers `answer`, over TLS where it is given a certificate. */
export function startTokenEndpoint(
  answer: Answer,
  { port = 0, tls }: { port?: number; tls?: Certificate } = {},
): TokenEndpoint {
  const endpoint: TokenEndpoint = {
    url: "",
    requests: [],
    answer,
    [Symbol.asyncDispose]: () => server.stop(true),
  };
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port,
    idleTimeout: 0, // an answer that never comes is an answer too
    ...(tls && { tls: { key: Bun.file(tls.key), cert: Bun.file(tls.certificate) } }),
    fetch: async (request) => {
      const form = Object.fromEntries(new URLSearchParams(await request.text()));
      const seen = { authorization: request.headers.get("authorization"), form };
      endpoint.requests.push(seen);
      return endpoint.answer(seen);
    },
  });
  endpoint.url = `${server.url}token`;
  return endpoint;
}

/** Answers a token without a signature, as Kafka's OAuthBearerUnsecuredValidatorCallbackHandler takes it. */
export const unsecuredToken =
  (lifetimeSeconds = 60, claims: Record<string, unknown> = { sub: "alice" }): Answer =>
  () => {
    const now = Math.floor(Date.now() / 1000);
    const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
    const payload = part({ iat: now - 1, exp: now + lifetimeSeconds, ...claims });
    return Response.json({ access_token: `${part({ alg: "none" })}.${payload}.`, token_type: "Bearer" });
  };

/** A new key and certificate for 127.0.0.1. Disposing of it removes them. */
export async function makeCertificate(): Promise<Certificate> {
  const folder = mkdtempSync(join(tmpdir(), "sidepost-certificate-"));
  const [key, certificate] = [join(folder, "key.pem"), join(folder, "certificate.pem")];
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const subject = ["-subj", "/CN=sidepost test", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2"];
  await run(["openssl", "req", "-x509", ...curve, ...subject, "-keyout", key, "-out", certificate]);
  return {
    key,
    certificate,
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}
