import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { podSpec } from "./pods.ts";
import { EXAMPLES, manifest } from "./manifests.ts";
import { render } from "../helpers/helm.ts";

const K8S = join(import.meta.dir, "../../k8s");
const read = (name: string) => Bun.file(join(K8S, name)).text();

test("should have a file for each example, and no other", () => {
  expect(readdirSync(K8S).toSorted()).toEqual(Object.keys(EXAMPLES).toSorted());
});

test.each(Object.keys(EXAMPLES))(
  "should have %s as the chart makes it (`bun run chart` writes it)",
  async (name) => {
    expect(await read(name)).toBe(await manifest(EXAMPLES[name]!));
  },
);

test.each(Object.entries(EXAMPLES))(
  "should say nothing of Helm in %s, and have the Pod that Helm makes",
  async (name, { values }) => {
    const text = await read(name);
    expect(text).not.toMatch(/helm\.sh|managed-by/);
    const documents = [Bun.YAML.parse(text)].flat() as never;
    expect(podSpec(documents)).toEqual(podSpec(await render(values)));
  },
);
