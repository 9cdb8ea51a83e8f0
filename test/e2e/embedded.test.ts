import { expect, test } from "bun:test";
import { consume } from "../helpers/consume.ts";
import { startSidepost } from "../helpers/process.ts";
import { idOf, idsOf, post } from "./support.ts";

test("the embedded broker says where it is, and any consumer reads the events from it", async () => {
  await using sidepost = await startSidepost({ env: { KAFKA_BROKER_LIST: "embedded" } });
  const line = await sidepost.waitForLog(({ msg }) => msg === "Embedded broker ready");
  const answer = await post(sidepost, "/payment", { data: { amount: 1 } });
  expect(answer.status).toBe(201);
  const records = await consume(String(line["bootstrap"]), "events", { count: 1 });
  expect(records.map(idOf)).toEqual(idsOf(answer));
});
