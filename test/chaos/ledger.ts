import * as v from "valibot";
import type { ConsumedRecord } from "../helpers/consume.ts";
import type { Posted } from "./load.ts";
import type { Topic } from "./styles.ts";

/** One life of the process: milliseconds since the epoch, and how it went. */
export interface Life {
  startedAt: number;
  endedAt: number;
  /** Since when something was broken at its end, so that Kafka may have confirmed nothing; else `endedAt`. */
  brokenSince: number;
  /** By SIGKILL: what was in memory is gone, and nothing could say so. */
  killed: boolean;
  /** It could not write down what had become of its events: killed, or its disk may have been full. */
  forgets: boolean;
  /** The ids of its `Event lost` lines. */
  saidLost: ReadonlySet<string>;
}

/** All that is known at the end of a run. */
export interface Facts {
  posted: readonly Posted[];
  records: readonly ConsumedRecord[];
  lives: readonly Life[];
  /** When a topic had been deleted and made anew: what was posted to it before went with it. */
  deletedAt?: { [topic in Topic]?: number };
}

/** An event beside what Kafka has of it, in the order in which it was written. */
export interface Account extends Posted {
  found: readonly ConsumedRecord[];
  /** What happened to it that must not happen. */
  faults: string[];
  /** Written once more by a process that did not know what the one before had done. */
  replayed: number;
  /** Not in Kafka, and the process that had accepted it was killed or said so. */
  lostAsTold: boolean;
  /** It was in a topic that was deleted, or may have been. */
  deleted: boolean;
}

export interface Ledger {
  accounts: readonly Account[];
  /** Records that nobody posted. */
  foreign: readonly ConsumedRecord[];
}

/** A replay writes again what had been written this long, at most, before things broke, or before the process ended. */
const IN_FLIGHT_MS = 3000;

const Event = v.object({ id: v.string(), data: v.looseObject({ poster: v.number(), number: v.number() }) });
const read = ({ value }: ConsumedRecord) => v.parse(Event, JSON.parse(String(value)));

/** Compares what was answered with what is in Kafka. */
export function balance({ posted, records, lives, deletedAt = {} }: Facts): Ledger {
  const byEvent = Map.groupBy(records, (record) => nameOf(read(record).data));
  const accounts = posted.map((event) => {
    const found = (byEvent.get(nameOf(event)) ?? []).toSorted((a, b) => a.timestamp - b.timestamp);
    const account: Account = { ...event, found, faults: [], replayed: 0, lostAsTold: false, deleted: false };
    judgePresence(account, lives, deletedAt[event.style.to]);
    judgeRepeats(account, lives);
    judgeReceipt(account);
    return account;
  });
  for (const batch of Map.groupBy(
    accounts.filter(({ style }) => style.atomic),
    ({ poster, post }) => `${poster}/${post}`,
  ).values())
    judgeBatch(batch);
  for (const ofKey of Map.groupBy(
    accounts.filter(({ key }) => key !== null),
    ({ key }) => key,
  ).values())
    judgeOrder(ofKey);
  const known = new Set(posted.map(nameOf));
  return { accounts, foreign: records.filter((record) => !known.has(nameOf(read(record).data))) };
}

const nameOf = ({ poster, number }: { poster: number; number: number }) => `${poster}/${number}`;

/** Whether this life may have held the event when it ended. */
const heldAtEnd = ({ at, answeredAt = Infinity }: Posted, { startedAt, endedAt }: Life): boolean =>
  at <= endedAt && answeredAt >= startedAt;

function judgePresence(account: Account, lives: readonly Life[], deletedAt = -Infinity): void {
  const { receipt, found, at } = account;
  if (receipt === undefined || receipt.status === "failed" || found.length > 0) return;
  if (at <= deletedAt) return void (account.deleted = true);
  if (receipt.status !== "accepted") return void account.faults.push(`${receipt.status} and lost`);
  const told = lives.some(
    (life) => life.saidLost.has(receipt.id) || (life.killed && heldAtEnd(account, life)),
  );
  if (told) account.lostAsTold = true;
  else account.faults.push("accepted and lost without a word");
}

/**
 * The first one may be written again by the next life, if the one that wrote it ended before it knew that it was, or could
 * not write that down.
 */
function judgeRepeats(account: Account, lives: readonly Life[]): void {
  const [first, ...others] = account.found;
  for (const again of others) {
    const replay = lives.some(
      (life) =>
        account.at <= life.endedAt &&
        first!.timestamp > life.brokenSince - IN_FLIGHT_MS &&
        again.timestamp >= life.endedAt &&
        (life.forgets || !knewDelivered(account, life)),
    );
    if (replay) account.replayed++;
    else account.faults.push("duplicated while the process lived");
  }
}

const knewDelivered = ({ receipt, answeredAt = Infinity }: Posted, { endedAt }: Life): boolean =>
  receipt?.status === "delivered" && answeredAt <= endedAt;

function judgeReceipt({ receipt, found, faults }: Account): void {
  if (receipt === undefined || found.length === 0) return;
  if (found.some((record) => read(record).id !== receipt.id)) faults.push("another id than was told");
  if (receipt.status !== "delivered" || receipt.offset === null) return;
  const { topic, partition, offset } = receipt;
  const there = found.some((r) => r.topic === topic && r.partition === partition && r.offset === offset);
  if (!there) faults.push("not where it was told to be");
}

/** 504 and no answer leave open which of the two it is. */
function judgeBatch(batch: Account[]): void {
  const there = batch.filter(({ found }) => found.length > 0).length;
  const [{ status }] = batch as [Account];
  const seen = there > 0;
  const fault =
    there > 0 && there < batch.length
      ? "a part of an atomic batch"
      : seen && status !== undefined && status !== 200 && status !== 504
        ? "atomic, refused and there"
        : undefined;
  if (fault !== undefined) for (const account of batch) account.faults.push(fault);
}

/** Events of one key, in the order of their posts: their first records stand in that order, in one partition. */
function judgeOrder(accounts: Account[]): void {
  let last: ConsumedRecord | undefined;
  for (const { found, faults } of accounts) {
    const [first] = found;
    if (first === undefined) continue;
    if (last !== undefined && first.partition !== last.partition)
      faults.push("in another partition than its key");
    if (last !== undefined && first.offset < last.offset) faults.push("out of order");
    else last = first;
  }
}
