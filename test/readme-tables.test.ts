import { expect, test } from "bun:test";

import { type ErrorCode, ERROR_KINDS } from "../src/domain/errors.ts";
import { statusOf } from "../src/http/problem.ts";
import { METRICS } from "../src/infrastructure/metric-table.ts";
import { scripts } from "../package.json";

// The table of variables is made from the code (config/readme.ts); these are written by hand, since they say more.

const readme = await Bun.file(new URL("../README.md", import.meta.url)).text();

/** The rows of the table whose first column has this title; a cell is the words that it has in backquotes, or its text. */
function tableOf(title: string): { words: string[]; text: string }[][] {
  const [, body] = new RegExp(`^\\| ${title} .*\\|\n\\|[-| ]+\\|\n((?:\\|.*\\|\n)+)`, "m").exec(readme) ?? [];
  if (body === undefined) throw new Error(`the README has no table of ${title}`);
  return body
    .trimEnd()
    .split("\n")
    .map((row) =>
      row
        .slice(1, -1)
        .split("|")
        .map((cell) => ({
          words: [...cell.matchAll(/`([^`]+)`/g)].map(([, word]) => word!),
          text: cell.trim(),
        })),
    );
}

test("the README's table of metrics has each of them, with its type, and no other", () => {
  const rows = tableOf("Metric ").map(([metric, type]) => `${metric!.words[0]} ${type!.text}`.trim());
  const [ofProcess, others] = [true, false].map((process) =>
    METRICS.filter(({ name }) => name.startsWith("process_") === process),
  );
  expect(ofProcess!.length).toBeGreaterThan(0);
  expect(rows.toSorted()).toEqual(
    [...others!.map(({ name, type }) => `${name} ${type}`), "process_*"].toSorted(),
  );
});

test("the README's table of problems has each code, with its status and whether it is retriable, and no other", () => {
  const rows = tableOf("Status .*Code ").flatMap(([status, codes, retriable]) =>
    codes!.words.map((code) => `${status!.text} ${code} ${retriable!.text}`),
  );
  const codes = Object.keys(ERROR_KINDS) as ErrorCode[];
  const known = codes.map(
    (code) => `${statusOf(code)} ${code} ${ERROR_KINDS[code].retriable ? "yes" : "no"}`,
  );
  expect(rows.toSorted()).toEqual(known.toSorted());
});

test("the README's table of scripts has each of them, and no other", () => {
  const rows = tableOf("Script ").flatMap(([names]) => names!.words);
  expect(rows.toSorted()).toEqual(Object.keys(scripts).toSorted());
});
