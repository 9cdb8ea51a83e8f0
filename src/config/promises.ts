import { integer, oneOf, type Parser } from "./units.ts";

/** A property that librdkafka takes, and with which an answer, the health or the metrics would not be true. */
interface Guarded {
  property: RegExp;
  /** What it may be all the same; nothing where this is missing. */
  allowed?: Parser<unknown>;
  reason: string;
}

/** librdkafka cuts a larger number to its low 32 bits, so that 4294967301 would be 5. */
const MAX_INT = 2_147_483_647;

const GUARDED: readonly Guarded[] = [
  { property: /^(bootstrap\.servers|metadata\.broker\.list)$/, reason: "KAFKA_BROKER_LIST has the brokers" },
  { property: /^test\.mock\./, reason: "KAFKA_BROKER_LIST=embedded starts the mock cluster" },
  { property: /^transactional\.id$/, reason: "each client that needs one has its own" },
  {
    property: /^delivery\.report\.only\.error$/,
    allowed: oneOf("false"),
    reason: "no event would ever be seen to be delivered",
  },
  {
    property: /^(request\.required\.)?acks$/,
    allowed: oneOf("all", "-1"),
    reason: '"delivered" means on all in-sync replicas',
  },
  {
    property: /^enable\.idempotence$/,
    allowed: oneOf("true"),
    reason: "retries would double and reorder events",
  },
  {
    property: /^statistics\.interval\.ms$/,
    allowed: integer(1, 86_400_000, "1000"),
    reason: "health and metrics come from the statistics",
  },
  {
    property: /^queue\.buffering\.max\.messages$/,
    allowed: integer(1, MAX_INT, "100000"),
    reason: "the queue has a bound, and 0 would be none",
  },
  {
    property: /^(queue\.buffering\.max\.kbytes|message\.max\.bytes)$/,
    allowed: integer(1, MAX_INT, "65536"),
    reason: "librdkafka would take the digits and leave the rest",
  },
];

/** Why a property may not have this value here, whatever librdkafka thinks of it; undefined where it may. */
export function brokenPromise(property: string, value: string): string | undefined {
  const guarded = GUARDED.find((each) => each.property.test(property));
  if (guarded === undefined) return undefined;
  const { allowed, reason } = guarded;
  if (allowed === undefined) return reason;
  return "value" in allowed.parse(value) ? undefined : `expected ${allowed.allowed}: ${reason}`;
}
