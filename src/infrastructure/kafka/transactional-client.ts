import type { RdKafka } from "@confluentinc/kafka-javascript";

import type { Config } from "../../config/schema.ts";
import type { Logger } from "../../domain/logger.ts";
import { connect, logClient } from "./connection.ts";
import type { EventCore } from "./core.ts";
import { coreLimits, type QueueLimits, transactionalOptions } from "./options.ts";
import { eventOptions } from "./producer.ts";
import { Kafka } from "./upstream.ts";

export type CallError = RdKafka.LibrdKafkaError;

/** One librdkafka client with a transactional id. Its calls resolve with undefined, or with what is wrong. */
export interface TransactionalClient {
  readonly id: string;
  readonly core: EventCore;
  /** Resolves when transactions can begin. Kafka may be down for as long as it takes. */
  readonly ready: Promise<CallError | undefined>;
  /**
   * Calls back when the client can never produce again, at once if that is so; the callback before is let go. No promise:
   * each transaction would leave its reaction behind in one that stays pending.
   */
  whenFailed(callback: (error: CallError) => void): void;
  begin(): Promise<CallError | undefined>;
  /** Both resume what the call before left unfinished, and end early, with a retriable error, at `until` or `close`. */
  commit(until?: number): Promise<CallError | undefined>;
  abort(until?: number): Promise<CallError | undefined>;
  /** Leaves a transaction that is open to Kafka, which aborts it. Idempotent. */
  close(): Promise<void>;
}

export interface TransactionalClientOptions {
  config: Pick<Config, "kafka" | "spool" | "events" | "app">;
  limits: QueueLimits;
  logger: Logger;
  id: string;
  bootstrap: string;
}

/**
 * Milliseconds of one blocking call. librdkafka goes on with what timed out, and the next call takes it up; a client is
 * freed only when no call is under way, so these are short.
 */
const SLICE_MS = 500;
/** Some retriable errors come at once. */
const PAUSE_MS = 20;

type Call = (done: (error: CallError | null | undefined) => void) => void;

/** Starts a client; it is there long before it is `ready`. Rejects where librdkafka refuses its options. */
export async function openTransactional(options: TransactionalClientOptions): Promise<TransactionalClient> {
  const { config, limits, logger, id, bootstrap } = options;
  const settings = transactionalOptions(config, limits, id, bootstrap);
  const client = new Kafka.Producer(settings as RdKafka.ProducerGlobalConfig);
  logClient(client, logger);
  let fatal: CallError | undefined;
  let onFailed: (error: CallError) => void = () => {};
  client.on("event.error", (error) => {
    if (!error.isFatal) return;
    fatal ??= error;
    onFailed(fatal);
  });
  const core = await connect(client, config.kafka.topic, () => {});
  // A transaction is tried again as a whole, so nothing of it is by itself.
  const own = { patience: 0, renewable: false };
  core.configureEvents({ ...coreLimits(limits, settings), ...eventOptions(config), ...own });
  let closed: Promise<void> | undefined;

  const called = (call: Call) =>
    new Promise<CallError | undefined>((resolve) => call((error) => resolve(error ?? undefined)));

  async function resumed(call: Call, until = Infinity): Promise<CallError | undefined> {
    for (;;) {
      const error = await called(call);
      if (!error?.isRetriable || closed || performance.now() >= until) return error;
      await Bun.sleep(PAUSE_MS);
    }
  }

  return {
    id,
    core,
    ready: resumed((done) => client.initTransactions(SLICE_MS, done)),
    whenFailed(callback) {
      onFailed = callback;
      if (fatal) callback(fatal);
    },
    begin: () => called((done) => client.beginTransaction(done)),
    commit: (until) => resumed((done) => client.commitTransaction(SLICE_MS, done), until),
    abort: (until) => resumed((done) => client.abortTransaction(SLICE_MS, done), until),
    close() {
      closed ??= new Promise((resolve) => client.disconnect(0, () => resolve()));
      return closed;
    },
  };
}
