import { join } from "node:path";
import { RdKafka } from "@confluentinc/kafka-javascript";
import { waitUntil } from "../helpers/wait.ts";

/** What upstream's error objects carry beside their message. */
export type Failure = RdKafka.LibrdKafkaError;
export type Report = Omit<RdKafka.DeliveryReport, "error"> & { error: Failure | null };
type Config = Record<string, unknown>;

/** A broker inside librdkafka: a cluster of one, its topics made at first use with four partitions. */
export const MOCK = { "bootstrap.servers": "mock", "test.mock.num.brokers": 1, log_level: 0 };

/** The settings of a producer that uses another one's mock cluster, which ends with that producer. */
export const servedBy = ({ bootstrap }: Open) => ({
  "bootstrap.servers": bootstrap,
  "test.mock.num.brokers": 0,
});

/** Calls one of upstream's callback methods; rejects with the error it answers. */
export function called<T = unknown>(
  start: (done: (error: unknown, result?: T) => void) => unknown,
): Promise<T> {
  return new Promise((resolve, reject) => {
    start((error, result) => (error ? reject(error) : resolve(result as T)));
  });
}

/** Upstream's properties are typed one by one; a test may set any, wrong ones too. */
export const newProducer = (config: Config): RdKafka.Producer =>
  new RdKafka.Producer(config as RdKafka.ProducerGlobalConfig);

export const connect = (producer: RdKafka.Producer, options: RdKafka.MetadataOptions = {}) =>
  called<RdKafka.Metadata>((done) => producer.connect(options, done));
export const disconnect = (producer: RdKafka.Producer, ms = 5000) =>
  called<RdKafka.ClientMetrics>((done) => producer.disconnect(ms, done));
export const flush = (producer: RdKafka.Producer, ms = 5000) =>
  called<void>((done) => producer.flush(ms, done));

/** Resolves when a message of a producer of its own is in Kafka; rejects with what stands in the way. */
export async function deliver(config: Config, options: RdKafka.MetadataOptions = {}): Promise<void> {
  const producer = newProducer({ dr_cb: true, ...config });
  const reports: (Failure | null)[] = [];
  producer.on("delivery-report", (error) => void reports.push(error as Failure | null));
  await connect(producer, options);
  producer.produce("delivered", null, Buffer.from("x"));
  await flush(producer, 10_000);
  await disconnect(producer);
  if (reports.length !== 1 || reports[0]) throw reports[0] ?? new Error(`${reports.length} reports came`);
}

/** Connects and polls at once: what the client says until it has a broker comes too. */
export async function connectPolling(producer: RdKafka.Producer, options: RdKafka.MetadataOptions) {
  const connecting = connect(producer, options);
  const started = () => (producer.isConnected() ? true : undefined);
  await Promise.race([connecting, waitUntil(started, 5000, () => new Error("there is no client"))]);
  producer.setPollInBackground(true);
  return connecting;
}

/** A connected producer whose reports are gathered as they come. Disposing of it disconnects. */
export interface Open extends AsyncDisposable {
  producer: RdKafka.Producer;
  /** `host:port` of its first broker. */
  bootstrap: string;
  reports: Report[];
  /** Resolves with the first `count` reports. */
  reported(count: number): Promise<Report[]>;
}

/**
 * Connects a producer that polls in the background, to a mock cluster unless `config` names brokers.
 * @example await using open = await openProducer({ dr_msg_cb: true });
 */
export async function openProducer(config: Config = {}): Promise<Open> {
  const producer = newProducer({ dr_cb: true, ...MOCK, "linger.ms": 0, ...config });
  const reports: Report[] = [];
  producer.on("delivery-report", (error, report) => void reports.push({ ...report, error }));
  const { brokers } = await connect(producer);
  producer.setPollInBackground(true);
  const missing = () => new Error(`${reports.length} reports came`);
  return {
    producer,
    bootstrap: `${brokers[0]?.host}:${brokers[0]?.port}`,
    reports,
    reported: (count) =>
      waitUntil(() => (reports.length >= count ? reports.slice(0, count) : undefined), 10_000, missing),
    [Symbol.asyncDispose]: async () => {
      if (producer.isConnected()) await disconnect(producer);
    },
  };
}

/** What `act` throws, or undefined. */
export function thrown(act: () => unknown): Failure | undefined {
  try {
    act();
    return undefined;
  } catch (error) {
    return error as Failure;
  }
}

/** What a promise rejects with, or undefined. */
export const rejected = (promise: Promise<unknown>): Promise<Failure | undefined> =>
  promise.then(
    () => undefined,
    (error) => error as Failure,
  );

export interface Ended {
  code: number | null;
  signal: string | number | null;
  output: string;
  errors: string;
}

const PRELUDE = `
  import { RdKafka } from "@confluentinc/kafka-javascript";
  import { called, connect, deliver, disconnect, flush, MOCK, newProducer, openProducer } from "./test/native/support.ts";
`;

/** Runs a program in a process of its own, with this module's functions at hand, and resolves when it is gone. */
export async function runProgram(
  source: string,
  signal?: (output: string) => NodeJS.Signals | undefined,
  env: Record<string, string> = {},
): Promise<Ended> {
  const child = Bun.spawn([process.execPath, "-e", PRELUDE + source], {
    cwd: join(import.meta.dir, "../.."),
    env: { ...process.env, ...env },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    timeout: 60_000,
    killSignal: "SIGKILL",
  });
  let output = "";
  const reading = (async () => {
    for await (const chunk of child.stdout) {
      output += Buffer.from(chunk).toString();
      const wanted = signal?.(output);
      if (wanted) child.kill(wanted);
    }
  })();
  const errors = await child.stderr.text();
  await reading;
  await child.exited;
  return {
    code: child.exitCode,
    signal: child.signalCode,
    output: output.trim(),
    errors,
  };
}
