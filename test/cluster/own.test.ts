import { cpSync } from "node:fs";
import { join } from "node:path";
import { expect, setDefaultTimeout, test } from "bun:test";
import { CHART } from "../helpers/helm.ts";
import { SASL } from "./kafka.ts";
import { endPods } from "./pods.ts";
import { poster, sidepostValues } from "./values.ts";
import { createPlace } from "./world.ts";

setDefaultTimeout(240_000);

test("a chart of one's own takes the container in: posts come by a Unix socket, credentials from a Secret", async () => {
  await using place = await createPlace("own");
  // As `helm dependency update` leaves it.
  cpSync(join(import.meta.dir, "fixtures/own"), place.folder, { recursive: true });
  cpSync(CHART, join(place.folder, "charts/sidepost"), { recursive: true });
  const { username, password } = SASL;
  await place.kubectl([
    "create",
    "secret",
    "generic",
    "kafka-user",
    `--from-literal=username=${username}`,
    `--from-literal=password=${password}`,
  ]);
  const kafka = {
    brokers: place.network.brokers,
    existingSecret: "kafka-user",
    sasl: { mechanism: "PLAIN" },
  };
  const values = {
    app: poster({ TARGET: "unix:/run/sidepost/data.sock", RATE: 100, LAST_WORDS_MS: 1000 }),
    sidepost: { mode: "container", socket: { enabled: true }, ...sidepostValues(place), kafka },
  };
  await place.helm(["install", "shop", place.folder, "--values=-"], JSON.stringify(values));
  const rolledOut = () => place.kubectl(["rollout", "status", "deployment/shop", "--timeout=90s"]);
  await rolledOut();
  await place.kubectl(["rollout", "restart", "deployment/shop"]);
  await rolledOut();
  await endPods(place, "deployment/shop");
  const reckoning = await place.reckon("a chart of one's own, Unix socket, SASL");
  expect(reckoning).toMatchObject({ lost: 0, doubled: 0, foreign: 0, refused: 0 });
});
