import { type App, compose } from "../../src/app.ts";
import { loadConfig } from "../../src/config/load.ts";
import type { LogFields } from "../../src/domain/logger.ts";
import type { Receipt } from "../../src/domain/receipt.ts";
import type { Application } from "../../src/http/application.ts";
import type { Problem } from "../../src/http/problem.ts";
import { checkProperty } from "../../src/infrastructure/kafka/core.ts";
import { waitUntil } from "./wait.ts";

/** The service, composed and asked without a port. Disposing of it closes it. */
export interface TestApp extends AsyncDisposable {
  app: App;
  /** Every log line so far. */
  log: LogFields[];
  /** Where the embedded broker listens; empty where there is none. */
  bootstrap: string;
  /** How often it was asked to quit. */
  readonly quits: number;
  /** Posts JSON, or a body as it is where it is text or bytes, to the data port. */
  post(path: string, body: unknown, headers?: Record<string, string>): Promise<Answer>;
  get(path: string): Promise<Answer>;
  /** Asks the admin port. */
  admin(path: string, method?: "GET" | "POST"): Promise<Answer>;
}

/** An answer with its JSON read. `problem` and `receipts` are the same body by another name. */
export interface Answer {
  status: number;
  headers: Headers;
  text: string;
  readonly body: Record<string, unknown>;
  readonly problem: Problem;
  readonly receipts: Receipt[];
}

/** A broker list where nothing listens: tcpmux's port is free on every machine. */
export const NO_BROKER = { KAFKA_BROKER_LIST: "127.0.0.1:1" };

/**
 * Composes the service on the embedded broker, or on the brokers of `env`, and resolves when the embedded one has
 * answered. `properties` are librdkafka's, beside those that users may set. Throws where the configuration is wrong.
 * @example await using service = await composeForTest({ EVENT_FORMAT: "binary" });
 */
export async function composeForTest(
  env: Record<string, string> = {},
  properties: Record<string, string> = {},
): Promise<TestApp> {
  const loaded = loadConfig(
    { KAFKA_BROKER_LIST: "embedded", ...env },
    { readFile: (path) => path, checkProperty },
  );
  if ("faults" in loaded) throw new Error(loaded.faults.join("\n"));
  const log: LogFields[] = [];
  let quits = 0;
  const note = (level: string) => (fields: LogFields, msg: string) =>
    void log.push({ level, msg, ...fields });
  const logger = { debug: note("debug"), info: note("info"), warn: note("warn"), error: note("error") };
  const { kafka } = loaded.config;
  const config = {
    ...loaded.config,
    kafka: { ...kafka, properties: { ...kafka.properties, ...properties } },
  };
  const app = await compose(config, { logger, quit: () => quits++, memoryLimit: undefined, cpuLimit: 2 });
  const bootstrap = kafka.embedded ? await contact(log) : "";
  return {
    app,
    log,
    bootstrap,
    get quits() {
      return quits;
    },
    post: (path, body, headers = {}) => post(app.data, path, body, headers),
    get: async (path) => read(await request(app.data, path)),
    admin: async (path, method = "GET") => read(await request(app.admin, path, { method })),
    [Symbol.asyncDispose]: () => app.close(),
  };
}

async function contact(log: LogFields[]): Promise<string> {
  const line = await waitUntil(
    () => log.find(({ msg }) => msg === "Embedded broker ready"),
    10_000,
    () => new Error(`the embedded broker did not answer; logged: ${JSON.stringify(log)}`),
  );
  return String(line["bootstrap"]);
}

/** Asks a port without a socket. */
export const request = async (port: Application, path: string, init: RequestInit = {}): Promise<Response> =>
  port.fetch(new Request(`http://localhost${path}`, init));

async function post(
  port: Application,
  path: string,
  body: unknown,
  headers: Record<string, string>,
): Promise<Answer> {
  const raw = typeof body === "string" || body instanceof Uint8Array;
  return read(
    await request(port, path, {
      method: "POST",
      body: raw ? body : JSON.stringify(body),
      headers: { "content-type": "application/json", ...headers },
    }),
  );
}

async function read(response: Response): Promise<Answer> {
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    text,
    get body() {
      return JSON.parse(text);
    },
    get problem() {
      return JSON.parse(text);
    },
    get receipts() {
      return JSON.parse(text).receipts;
    },
  };
}
