import { expect, test } from "bun:test";

import { description, license, version } from "../package.json";

const dockerfile = await Bun.file(new URL("../Dockerfile", import.meta.url)).text();

test("the image's labels say of the product what package.json says", () => {
  expect(dockerfile).toMatch(new RegExp(`^ARG VERSION=${RegExp.escape(version)}$`, "m"));
  expect(dockerfile).toContain(`org.opencontainers.image.description="${description}"`);
  expect(dockerfile).toContain(`org.opencontainers.image.licenses="${license}"`);
});

test("the image is made with the Bun that this runs on", () => {
  expect(dockerfile).toContain(`ARG BUN_IMAGE=docker.io/oven/bun:${Bun.version}\n`);
});
