import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { version } from "../../package.json";
import { run } from "../../src/native/toolchain.ts";
import { findHelm, NO_HELM, render } from "../helpers/helm.ts";

test("the chart of a release has the image of its version, in the registry, as its default", async () => {
  const program = await findHelm();
  if (program === undefined) throw new Error(NO_HELM);
  const folder = mkdtempSync(join(tmpdir(), "sidepost-chart-"));
  using _ = { [Symbol.dispose]: () => rmSync(folder, { recursive: true }) };
  symlinkSync(program, join(folder, "helm"));
  const env = { ...process.env, PATH: `${folder}:${process.env["PATH"]}` };
  await run([".ci/package-chart", "registry.test/acme/sidepost", folder], { env });

  const chart = join(folder, `sidepost-${version}.tgz`);
  const manifests = await render({ mode: "gateway", kafka: { brokers: "kafka:9092" } }, { chart });
  expect(JSON.stringify(manifests)).toContain(`"image":"registry.test/acme/sidepost:${version}"`);
});
