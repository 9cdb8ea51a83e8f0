import * as v from "valibot";
import type { ConsumedRecord } from "../helpers/consume.ts";
import type { Counts } from "./counts.ts";

/** What became of the events of a scenario. */
export interface Reckoning {
  scenario: string;
  posted: number;
  delivered: number;
  stored: number;
  accepted: number;
  /** Answered with a problem, or not at all. */
  refused: number;
  /** Tries of a post beyond its first, where there was no connection. */
  reconnected: number;
  /** The others. */
  "tried again": number;
  /** Events, not records. */
  "in Kafka": number;
  /** Answered 2xx, and not in Kafka. */
  lost: number;
  /** Records beyond the first of an event. */
  doubled: number;
  /** Records that nobody posted. */
  foreign: number;
}

const Event = v.object({ data: v.object({ poster: v.string(), number: v.number() }) });

/** Compares what the posters were told with what a consumer has read. */
export function reckon(scenario: string, posters: Counts[], records: ConsumedRecord[]): Reckoning {
  const events = records.map(({ value }) => v.parse(Event, JSON.parse(String(value))).data);
  const found = Map.groupBy(events, ({ poster, number }) => `${poster}/${number}`);
  const sum = (of: (counts: Counts) => number) => posters.reduce((total, counts) => total + of(counts), 0);
  const answered = (kind: string) => sum(({ answers }) => answers[kind] ?? 0);
  const [delivered, stored, accepted] = [answered("delivered"), answered("stored"), answered("accepted")];
  const reconnected = sum(({ triedAgain }) => triedAgain["unreachable"] ?? 0);
  const posted = sum((counts) => counts.posted);
  const known = [...found.keys()].filter((name) => posters.some((counts) => isOf(name, counts))).length;
  return {
    scenario,
    posted,
    delivered,
    stored,
    accepted,
    refused: posted - delivered - stored - accepted,
    reconnected,
    "tried again": sum(({ triedAgain }) => total(triedAgain)) - reconnected,
    "in Kafka": known,
    lost: sum(
      (counts) => takenBy(counts).filter((number) => !found.has(`${counts.poster}/${number}`)).length,
    ),
    doubled: events.length - found.size,
    foreign: found.size - known,
  };
}

const total = (counts: Record<string, number>): number =>
  Object.values(counts).reduce((sum, count) => sum + count, 0);

function isOf(name: string, { poster, posted }: Counts): boolean {
  const slash = name.lastIndexOf("/");
  return name.slice(0, slash) === poster && Number(name.slice(slash + 1)) < posted;
}

/** The numbers of the events that were answered 2xx. */
function takenBy({ posted, notTaken }: Counts): number[] {
  const not = new Set(
    notTaken.flatMap(([from, to]) => Array.from({ length: to - from + 1 }, (_, i) => from + i)),
  );
  return Array.from({ length: posted }, (_, number) => number).filter((number) => !not.has(number));
}

/** A table of reckonings, of JSON lines. */
export function tableOf(lines: string): string {
  const rows = lines
    .split("\n")
    .filter((line) => line !== "")
    .map((line): Record<string, unknown> => JSON.parse(line));
  const [first] = rows;
  if (first === undefined) return "";
  const cells = [Object.keys(first), ...rows.map((row) => Object.values(row).map(String))];
  const widths = cells[0]!.map((_, column) => Math.max(...cells.map((row) => row[column]!.length)));
  const pad = (row: string[]) =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)));
  return cells.map((row) => pad(row).join("  ")).join("\n");
}
