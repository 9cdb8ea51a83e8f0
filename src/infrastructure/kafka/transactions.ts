import type { Config } from "../../config/schema.ts";
import { type Failure, failure, isRetriable } from "../../domain/errors.ts";
import type { Logger } from "../../domain/logger.ts";
import type {
  RawBatch,
  TakenBatch,
  Transaction,
  TransactionResult,
  Transactions,
} from "../../domain/ports.ts";
import { sendBatch } from "./batch.ts";
import { kafkaFailure } from "./errors.ts";
import type { QueueLimits } from "./options.ts";
import { refusal } from "./refusal.ts";
import { type CallError, openTransactional, type TransactionalClient } from "./transactional-client.ts";
import { Kafka } from "./upstream.ts";

export interface TransactionsOptions {
  config: Pick<Config, "kafka" | "spool" | "events" | "app">;
  limits: QueueLimits;
  logger: Logger;
  /** Resolves with `host:port` of the brokers, comma separated. */
  bootstrap: Promise<string>;
}

/** Milliseconds for an abort, after which the client is given up: Kafka aborts by itself what is open then. */
const ABORT_MS = 10_000;

const { ERR__FENCED, ERR_INVALID_TXN_STATE } = Kafka.ERRORS;

/**
 * Batches in transactions, by a client that is made when the first one comes, and anew when it has failed for good.
 *
 * Each client has an id that no other ever has, so that no two processes fence each other, whatever they are called and
 * however they are copied. What a killed process leaves open nobody takes up again: Kafka aborts it by its timeout, which
 * is short for that reason.
 */
export function createTransactions({ config, limits, logger, bootstrap }: TransactionsOptions): Transactions {
  const { types } = config.events;
  let current: Promise<TransactionalClient> | undefined;
  let inUse: TransactionalClient | undefined;
  let renewals = 0;
  let closed: Promise<void> | undefined;
  const closing = new Set<Promise<void>>();

  async function open(): Promise<TransactionalClient> {
    const id = `${config.kafka.clientId}-atomic-${crypto.randomUUID()}`;
    const opened = await openTransactional({ config, limits, logger, id, bootstrap: await bootstrap });
    void opened.ready.then((error) => {
      if (!error) logger.info({ transactional_id: id }, "Transactional producer ready");
    });
    inUse = opened;
    return opened;
  }

  function client(): Promise<TransactionalClient> {
    current ??= open().catch((error) => {
      current = undefined;
      throw error;
    });
    return current;
  }

  function renew(old: TransactionalClient, error: CallError): void {
    if (inUse !== old) return;
    current = inUse = undefined;
    const end = old.close().finally(() => closing.delete(end));
    closing.add(end);
    if (closed) return;
    renewals++;
    logger.warn(
      { transactional_id: old.id, code: error.code, detail: error.message },
      "Transactional producer renewed",
    );
  }

  function take({ core }: TransactionalClient, { body, framing }: RawBatch) {
    const settled = Promise.withResolvers<Uint8Array | undefined>();
    const batch = sendBatch(core, types, body, framing, true, settled.resolve);
    if (!("size" in batch)) return { known: batch, settled: undefined };
    const known: TakenBatch = { batch, receipts: undefined };
    return { known, settled: settled.promise.then((receipts) => void (known.receipts = receipts)) };
  }

  /** Ends a transaction that must not be seen. `error` is why. */
  async function aborted(on: TransactionalClient, error: Failure, batches: TransactionResult["batches"]) {
    const refused = await on.abort(performance.now() + ABORT_MS);
    if (refused) renew(on, refused);
    return { outcome: "aborted", error, batches } as const;
  }

  async function transact(raws: readonly RawBatch[], state: State): Promise<TransactionResult> {
    const on = await client();
    const unready = await Promise.race([on.ready, state.cancelled]);
    if (state.cancelRequested) return { outcome: "cancelled", error: CANCELLED, batches: [] };
    const unbegun = unready ?? (await on.begin());
    if (unbegun) {
      renew(on, unbegun);
      return { outcome: "aborted", error: reasonOf(unbegun), batches: [] };
    }
    const taken = raws.map((raw) => take(on, raw));
    const batches = taken.map(({ known }) => known);
    const fatal = await Promise.race([
      Promise.all(taken.map(({ settled }) => settled)).then(() => undefined),
      new Promise<CallError>((resolve) => on.whenFailed(resolve)),
      state.cancelled,
    ]);
    if (state.cancelRequested) return { ...(await aborted(on, CANCELLED, batches)), outcome: "cancelled" };
    const failing = fatal ? reasonOf(fatal) : failureIn(batches);
    if (failing) return aborted(on, failing, batches);
    state.committing = true;
    const error = await on.commit();
    return error ? uncommitted(on, error, batches) : { outcome: "committed", batches };
  }

  /**
   * Kafka fences a client whose transaction it has aborted by the timeout, and refuses a commit of what it has aborted; it
   * never does of what it has committed, as long as no other has the id. Of other errors only an abort that succeeds says
   * that nothing was committed: the answer to the commit itself may have been lost.
   */
  async function uncommitted(
    on: TransactionalClient,
    error: CallError,
    batches: TransactionResult["batches"],
  ) {
    const result = { error: reasonOf(error), batches };
    const isAborted = FENCED.has(error.code);
    const isAbortable = error.isTxnRequiresAbort && !(await on.abort(performance.now() + ABORT_MS));
    if (!isAbortable) renew(on, error);
    return { ...result, outcome: isAborted || isAbortable ? "aborted" : "unknown" } as const;
  }

  return {
    async check({ body, framing }) {
      const { core } = await client();
      const code = core.checkBatch(body, framing === "lines");
      return code === 0 ? undefined : refusal(core, code, body);
    },
    publishTogether(raws): Transaction {
      const cancelled = Promise.withResolvers<undefined>();
      const state: State = { cancelRequested: false, committing: false, cancelled: cancelled.promise };
      const unexpected = (error: unknown): TransactionResult => {
        logger.error({ err: error }, "Transaction failed");
        const why = failure("internal", "an unexpected error; the log has its details");
        return { outcome: state.committing ? "unknown" : "aborted", error: why, batches: [] };
      };
      return {
        result: transact(raws, state).catch(unexpected),
        cancel() {
          if (state.committing) return false;
          state.cancelRequested = true;
          cancelled.resolve(undefined);
          return true;
        },
      };
    },
    status() {
      const { messages, bytes } = inUse?.core.queued() ?? { messages: 0, bytes: 0 };
      return { queuedRecords: messages, queuedBytes: bytes, renewals };
    },
    close() {
      closed ??= (async () => {
        await inUse?.close();
        await Promise.all(closing);
      })();
      return closed;
    },
  };
}

interface State {
  cancelRequested: boolean;
  cancelled: Promise<undefined>;
  /** From here on the outcome is Kafka's. */
  committing: boolean;
}

const CANCELLED = failure("kafka-unavailable", "Kafka did not take it in time", { retryAfter: 1 });

const FENCED = new Set([ERR__FENCED, ERR_INVALID_TXN_STATE]);

/** Who is fenced goes on with another id, so that is no refusal. */
function reasonOf({ code, message }: CallError): Failure {
  if (!FENCED.has(code)) return unseen(kafkaFailure(code, message));
  return failure("kafka-unavailable", `Kafka had aborted the transaction: ${message}`, { retryAfter: 1 });
}

/** Of an aborted transaction nothing can be seen later, so what says "not known" or "given up" of an event does not hold. */
function unseen(error: Failure): Failure {
  if (error.code !== "delivery-timeout" && error.code !== "delivery-abandoned") return error;
  const detail = "Kafka did not confirm each event in time, so the transaction was aborted";
  return failure("kafka-unavailable", detail, { retryAfter: 1 });
}

/** Why an event failed: for good, if any did, since trying again is then no use. The failed take others with them. */
function failureIn(batches: readonly (TakenBatch | Failure)[]): Failure | undefined {
  const failures = batches.flatMap((each) =>
    "batch" in each && each.receipts === undefined ? failuresOf(each) : [],
  );
  const error = failures.find(({ code }) => !isRetriable(code)) ?? failures[0];
  return error && unseen(error);
}

function failuresOf({ batch }: TakenBatch): Failure[] {
  const deliveries = Array.from({ length: batch.size }, (_, index) => batch.deliveryAt(index));
  return deliveries.flatMap((delivery) => (delivery && "error" in delivery ? [delivery.error] : []));
}
