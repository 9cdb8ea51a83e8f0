import { type Failure, failure } from "../../src/domain/errors.ts";
import type { EventType } from "../../src/domain/event.ts";
import type { Batch, Delivery, Posted, Producer, SettleBatch } from "../../src/domain/ports.ts";
import type { Delivered } from "../../src/domain/receipt.ts";
import type { EventLog } from "../../src/usecase/eventlog.ts";
import { createPublisher, type PublisherOptions } from "../../src/usecase/publish.ts";
import { createTally } from "../../src/usecase/tally.ts";

export const USER: EventType = { name: "user", type: "user_created", topic: "events" };
export const ORDER: EventType = { name: "order", type: "order_created", topic: "orders" };
export const BODY = new Uint8Array();
/** Longer than any test runs. */
export const LONG = 60_000;

export const at = (offset: number, topic = "events") => ({
  topic,
  partition: 2,
  offset,
  timestamp: 1_704_110_400_000,
});
export const REJECTED = failure("kafka-rejected", "no");
export const ABANDONED = failure("delivery-abandoned", "given up");

/** A publisher on fakes, and the books that it keeps. */
export function startPublisher(spooling?: PublisherOptions["spooling"]) {
  const types = [USER, ORDER];
  let clock = 0;
  const tally = createTally(["user_created", "order_created"], () => clock);
  const lines: string[] = [];
  const producer = new FakeProducer();
  const eventLog = recordLog(lines);
  const publisher = createPublisher({
    producer,
    types,
    tally,
    eventLog,
    now: () => clock,
    ...(spooling === undefined ? {} : { spooling }),
  });
  return {
    publisher,
    producer,
    lines,
    pass: (ms: number) => (clock += ms),
    counts: () => ({
      ...tally.stats({ queuedRecords: 0, retries: 0 }),
      accepted: tally.types.reduce((sum, { accepted }) => sum + accepted, 0),
      lost: tally.lostTotal,
      failedBy: tally.type("user_created").failedBy,
    }),
  };
}

/** Takes everything, until told to refuse, and settles when told to. */
class FakeProducer implements Pick<Producer, "send" | "sendBatch" | "wentToDisk" | "promise"> {
  refuseWith: Failure | undefined;
  batchOf: EventType[] = [];
  receiptsWanted: boolean | undefined;
  deliveries: Delivery[] = [];
  #settle: (delivery: Delivery, key: string | null) => void = () => {};
  #settleBatch: SettleBatch = () => {};

  wentToDisk = () => false;
  promised: string[][] = [];
  /** As librdkafka does until its report. */
  held: unknown[] = [];
  promise = (ids: readonly string[]) => void this.promised.push([...ids]);

  send<P extends Posted<P>>(
    _body: Uint8Array,
    _type: EventType,
    _promised: boolean,
    posted: P,
  ): string | Failure {
    posted.id = "id-1";
    this.held.push(posted);
    this.#settle = (delivery, key) => posted.settle(posted, delivery, key);
    return this.refuseWith ?? posted.id;
  }

  sendBatch(_body: Uint8Array, _framing: string, receipts: boolean, settle: SettleBatch): Batch | Failure {
    this.receiptsWanted = receipts;
    this.#settleBatch = settle;
    const ids = this.batchOf.map((_, index) => `b-${index}`);
    const typeAt = (index: number) => this.batchOf[index]!;
    return (
      this.refuseWith ?? { size: ids.length, ids, typeAt, deliveryAt: (index) => this.deliveries[index] }
    );
  }

  settle(delivery: Delivery, key: string | null = null): void {
    this.#settle(delivery, key);
  }

  settleBatch(deliveries: Delivery[], rendered?: Uint8Array): void {
    this.deliveries = deliveries;
    this.#settleBatch(rendered);
  }
}

function recordLog(lines: string[]): EventLog {
  return {
    type: (name) => ({
      published(ms, count, receiptAt: (index: number) => Delivered) {
        for (let i = 0; i < count; i++) lines.push(`published ${name} ${receiptAt(i).id} ${ms} ms`);
      },
      failed(_ms, code, _count, receiptAt) {
        lines.push(`failed ${name} ${receiptAt(0).id} ${code}`);
      },
    }),
    rejected: ({ code }, fields) => void lines.push(`rejected ${code} ${fields?.["event_type"]}`),
    lost: ({ id, type, topic, key }) => void lines.push(`lost ${type} ${id} ${topic} ${key}`),
    left: (ms, fields) => void lines.push(`left ${JSON.stringify(fields)} ${ms} ms`),
    flush() {},
  };
}
