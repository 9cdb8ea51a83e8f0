import { expect, test } from "bun:test";

import { startThread } from "../../../src/infrastructure/spool/thread.ts";

test("what is asked of a thread that ends before it answers is not said to be nothing", async () => {
  const thread = startThread(
    () => {},
    () => {},
  );
  const found = thread.ask({ kind: "read", number: 1 });
  thread.stop();
  expect(await found).toMatchObject({ failure: { reason: "unreadable" } });
});

test("neither is it while no file is open", async () => {
  const thread = startThread(
    () => {},
    () => {},
  );
  expect(await thread.ask({ kind: "read", number: 1 })).toMatchObject({
    failure: { detail: "the spool is not open" },
  });
  thread.stop();
});
