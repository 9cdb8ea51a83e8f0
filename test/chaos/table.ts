import type { Account, Ledger } from "./ledger.ts";

type Count = (accounts: readonly Account[]) => number;

const count =
  (matches: (account: Account) => boolean): Count =>
  (accounts) =>
    accounts.filter(matches).length;

const answered = (status: string) => count(({ receipt }) => receipt?.status === status);
const withFault = (words: string) => count(({ faults }) => faults.some((fault) => fault.includes(words)));

const COLUMNS: Record<string, Count> = {
  posted: ({ length }) => length,
  delivered: answered("delivered"),
  stored: answered("stored"),
  accepted: answered("accepted"),
  refused: count(({ receipt, status }) => status !== undefined && (receipt?.status ?? "failed") === "failed"),
  "no answer": count(({ status }) => status === undefined),
  "in Kafka": count(({ found }) => found.length > 0),
  "lost as told": count(({ lostAsTold }) => lostAsTold),
  deleted: count(({ deleted }) => deleted),
  replayed: (accounts) => accounts.reduce((sum, { replayed }) => sum + replayed, 0),
  "after a 201": count(({ replayed, receipt }) => replayed > 0 && receipt?.status === "delivered"),
  LOST: withFault("lost"),
  DOUBLED: withFault("duplicated"),
  DISORDER: withFault("order"),
  "OTHER FAULTS": count(({ faults }) => faults.some((fault) => !/lost|duplicated|order/.test(fault))),
};

/** A row for each way of posting and one for all of them; the columns in capitals must be 0. */
export function tableOf({ accounts }: Ledger): string {
  const groups = [...Map.groupBy(accounts, ({ style }) => style.name), ["all", accounts] as const];
  const rows = [
    ["", ...Object.keys(COLUMNS)],
    ...groups.map(([name, group]) => [name].concat(Object.values(COLUMNS).map((of) => String(of(group))))),
  ];
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const line = (row: string[]) =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)));
  return rows.map((row) => line(row).join("  ")).join("\n");
}

/** What must not be, in words; nothing where every promise was kept. At most so many examples of each. */
export function faultsOf({ accounts, foreign }: Ledger, examples = 3): string[] {
  const faults = accounts.flatMap((account) => account.faults.map((fault) => ({ fault, account })));
  const byFault = Map.groupBy(faults, ({ fault }) => fault);
  const told = [...byFault].map(([fault, { length }]) => {
    const some = byFault
      .get(fault)!
      .slice(0, examples)
      .map(({ account }) => describe(account));
    return `${length} × ${fault}: ${some.join("; ")}`;
  });
  return foreign.length === 0 ? told : [...told, `${foreign.length} records that nobody posted`];
}

function describe({ style, poster, number, at, answeredAt, status, receipt, found }: Account): string {
  const places = found.map(({ partition, offset, timestamp }) => `${partition}/${offset} at ${timestamp}`);
  const answer = `${status ?? "no answer"} ${JSON.stringify(receipt ?? null)} at ${answeredAt ?? "-"}`;
  return `${style.name} ${poster}/${number} posted ${at}, ${answer}, in Kafka: [${places.join(", ")}]`;
}
