import { expect, test } from "bun:test";
import { readKey } from "../../src/http/keyed.ts";

test.each([
  ["8e03978e-40d5-43dd-bc93-6894a57f9324", "8e03978e-40d5-43dd-bc93-6894a57f9324"],
  ['"8e03978e-40d5-43dd-bc93-6894a57f9324"', "8e03978e-40d5-43dd-bc93-6894a57f9324"],
  ["order/1:a=b+c~d!", "order/1:a=b+c~d!"],
  ['"a b, c; d"', "a b, c; d"],
  [String.raw`"a \"b\" \\ c"`, String.raw`a "b" \ c`],
  [`"${"k".repeat(255)}"`, "k".repeat(255)],
])("%s is the key %s", (header, key) => {
  expect(readKey(header)).toBe(key);
});

test.each([
  "",
  '""',
  '"',
  '"a',
  'a"',
  '"a"b"',
  String.raw`"a\b"`,
  '"a";p=1',
  "a, b",
  '"a", "a"',
  "a b",
  "a;b",
  "ключ",
  '"ключ"',
  "k".repeat(256),
  `"${"k".repeat(256)}"`,
])("%j is no key", (header) => {
  expect(readKey(header)).toBeUndefined();
});
