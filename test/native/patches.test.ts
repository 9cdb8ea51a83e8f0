import { expect, test } from "bun:test";

import { cpuOf } from "../bench/proc.ts";
import { openProducer } from "./support.ts";

const ROUND_TRIP_MS = 400;

test("a broker's thread sleeps while an idempotent partition waits for its answer", async () => {
  await using open = await openProducer({
    "enable.idempotence": true,
    "test.mock.broker.rtt": ROUND_TRIP_MS,
  });
  const send = () => open.producer.produce("slow", 0, Buffer.from("x"));
  send();
  await open.reported(1);
  for (let i = 0; i < 50; i++) send();
  await Bun.sleep(ROUND_TRIP_MS / 5);
  send(); // behind a full request, with no linger to wait for
  const before = await cpuOf(process.pid);
  await Bun.sleep(ROUND_TRIP_MS / 2);
  const after = await cpuOf(process.pid);
  expect(open.reports).toHaveLength(1);
  // Unpatched it takes all of the time that passed.
  expect(after.librdkafka - before.librdkafka).toBeLessThan((ROUND_TRIP_MS / 2 / 4) * 1000);
  await open.reported(52);
}, 20_000);
