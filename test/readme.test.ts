import { afterAll, beforeAll, expect, test } from "bun:test";

import { type Sidepost, startSidepost } from "./helpers/process.ts";

const readme = await Bun.file(new URL("../README.md", import.meta.url)).text();

/** A command, the status that its comment promises, and the answer that stands below it. */
const EXAMPLE = /```bash\n# (?<status>\d{3})\n(?<command>curl .+?)\n```\n\n```json\n(?<answer>.+?)\n```/gs;
const examples = [...readme.matchAll(EXAMPLE)].map(({ groups }) => groups!);
let sidepost: Sidepost;

beforeAll(async () => {
  sidepost = await startSidepost({ env: { KAFKA_BROKER_LIST: "embedded" } });
});
afterAll(() => sidepost[Symbol.asyncDispose]());

test("the README has an answer below each of its curl commands", () => {
  expect(examples.length).toBe(readme.match(/^curl /gm)!.length);
});

test.each(
  examples.map(({ command = "", status = "", answer = "" }, index) => [index + 1, command, status, answer]),
)("the README's curl command %i gets the answer that stands below it", async (_, command, status, answer) => {
  const here = String(command).replace("http://localhost:8080", sidepost.url);
  const curl = Bun.spawn(["sh", "-c", `${here} --silent --show-error --write-out '\n%{http_code}'`]);
  const [body, code] = (await curl.stdout.text()).split(/\n(?=\d+$)/);
  expect(code).toBe(status);
  expect(shape(body)).toEqual(shape(answer));
});

/** JSON without what differs from run to run: any number is 0, and ids end after their type. */
function shape(json = ""): unknown {
  return JSON.parse(json, (_, value: unknown) => {
    if (typeof value === "number") return 0;
    return typeof value === "string" ? value.replace(/_\d{14}_\w+$/, "") : value;
  });
}
