/** What librdkafka would take, and what would make answers, health or metrics untrue. */
interface Promised {
  property: RegExp;
  /** What it may be all the same. */
  allowed?: RegExp;
  /** Completes "is not allowed;". */
  reason: string;
}

const WHOLE = /^[1-9]\d*$/;

const PROMISES: readonly Promised[] = [
  {
    property: /^(bootstrap\.servers|metadata\.broker\.list)$/,
    reason: "the brokers stand in KAFKA_BROKER_LIST",
  },
  {
    property: /^test\.mock\./,
    reason: "KAFKA_BROKER_LIST=embedded starts the mock cluster",
  },
  {
    property: /^transactional\.id$/,
    reason: "no transaction is ever begun, so Kafka would take no event",
  },
  {
    property: /^delivery\.report\.only\.error$/,
    allowed: /^false$/,
    reason: 'expected false, or nobody would hear that an event is "delivered"',
  },
  {
    property: /^(request\.required\.)?acks$/,
    allowed: /^(all|-1)$/,
    reason: 'expected all or -1, since "delivered" means on all in-sync replicas',
  },
  {
    property: /^enable\.idempotence$/,
    allowed: /^true$/,
    reason: "expected true, or a retry would make duplicates and change the order",
  },
  {
    property: /^statistics\.interval\.ms$/,
    allowed: WHOLE,
    reason: "expected a whole number of 1 or more, since health and metrics read the statistics",
  },
  {
    // librdkafka reads 010 as 8, 64MiB as 64 and 0 as no limit.
    property: /^(queue\.buffering\.max\.(messages|kbytes)|message\.max\.bytes)$/,
    allowed: WHOLE,
    reason: "expected a whole number of 1 or more, since memory is bounded by it",
  },
];

/** Why a property of librdkafka may not have this value here, or undefined where it may. */
export function brokenPromise(property: string, value: string): string | undefined {
  const promise = PROMISES.find((each) => each.property.test(property));
  return promise && !promise.allowed?.test(value) ? promise.reason : undefined;
}
