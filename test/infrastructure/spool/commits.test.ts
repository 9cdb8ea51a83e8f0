import { expect, test } from "bun:test";

import { createCommits } from "../../../src/infrastructure/spool/commits.ts";
import type { Work } from "../../../src/infrastructure/spool/messages.ts";
import { chunk, delivered } from "./support.ts";

const CONTENTS = { chunks: [], last: 0, kept: 0 };
const ENDED = { reason: "unwritable", detail: "the thread of the spool ended" } as const;

/** Commits with one call under way, and one that waits for it. */
async function twoCalls() {
  const commits = createCommits(() => {});
  commits.begin(CONTENTS);
  const why = (error: unknown) => error;
  const sent = commits.append([chunk(1)], [], []).catch(why);
  await Promise.resolve();
  const waits = commits.append([chunk(2)], [], []).catch(why);
  return { commits, sent, waits };
}

test("of what was sent to a thread that ended it is not known whether it is in the file; of what waited it is", async () => {
  const { commits, sent, waits } = await twoCalls();
  commits.halt(ENDED);
  expect(await sent).toMatchObject({ unsure: true, detail: expect.stringContaining("may be") });
  expect(await waits).toMatchObject({ ...ENDED, unsure: false });
});

test("what the thread says it did not write is surely not there", async () => {
  const { commits, sent } = await twoCalls();
  commits.committed({ reason: "full", detail: "the disk is full" }, 0);
  expect(await sent).toMatchObject({ reason: "full", unsure: false });
});

test("what is settled while the file is not open is not found in it, and goes with the next commit", async () => {
  const sent: Work[] = [];
  const commits = createCommits((work) => void sent.push(work));
  const chunks = [1, 2].map((number) => ({ number, count: 1, size: 100, keys: new Uint8Array(4) }));
  commits.begin({ chunks, last: 2, kept: 0 });
  commits.halt(ENDED);
  commits.settle({ outcomes: [delivered(1)] });
  // Each try to open it that fails.
  commits.halt(ENDED);
  expect(commits.begin({ chunks, last: 2, kept: 0 }).map(({ number }) => number)).toEqual([2]);
  expect(commits.figures.records()).toBe(1);
  void commits.drain();
  await Promise.resolve();
  expect(sent.flatMap(({ outcomes }) => outcomes.map(({ number }) => number))).toEqual([1]);
});
