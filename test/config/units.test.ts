import { expect, test } from "bun:test";
import { address, boolean, duration, integer, listOf, oneOf, size, wordOr } from "../../src/config/units.ts";

const time = duration("0", "24h", "15s");
const bytes = size("1B", "2GiB", "4MiB");

test.each([
  ["0", 0],
  ["100ms", 100],
  ["15s", 15_000],
  ["5m", 300_000],
  ["24h", 86_400_000],
])("the duration %s is %d ms", (text, value) => {
  expect(time.parse(text)).toEqual({ value });
});

test.each(["15", "s", "1.5s", "-1s", "15 s", "15S", "1d", "25h", "", "1m30s", "1constructor"])(
  "the duration %p is refused",
  (text) => {
    expect(time.parse(text)).toEqual({ refused: text });
  },
);

test("a duration says its range, its units and an example", () => {
  expect(duration("1ms", "5s", "100ms").allowed).toBe(
    "a duration from 1ms to 5s with its unit (ms, s, m, h), such as 100ms",
  );
});

test("a duration of 0 is refused where the range begins above it", () => {
  expect(duration("1ms", "5s", "100ms").parse("0")).toEqual({ refused: "0" });
});

test.each([
  ["1048576B", 1_048_576],
  ["1KB", 1000],
  ["512KiB", 524_288],
  ["1MB", 1_000_000],
  ["64MiB", 67_108_864],
  ["1GB", 1_000_000_000],
  ["1GiB", 1_073_741_824],
])("the size %s is %d bytes", (text, value) => {
  expect(bytes.parse(text)).toEqual({ value });
});

test.each(["1048576", "64M", "64mib", "0", "3GiB", "MiB", "1.5MiB"])("the size %p is refused", (text) => {
  expect(bytes.parse(text)).toEqual({ refused: text });
});

test.each([
  [":8080", { hostname: "", port: 8080 }],
  ["9090", { hostname: "", port: 9090 }],
  ["0.0.0.0:8080", { hostname: "0.0.0.0", port: 8080 }],
  ["127.0.0.1:0", { hostname: "127.0.0.1", port: 0 }],
  ["[::1]:8080", { hostname: "::1", port: 8080 }],
  ["localhost:65535", { hostname: "localhost", port: 65_535 }],
  ["unix:/run/sidepost.sock", { unix: "/run/sidepost.sock" }],
])("the address %s is read", (text, value) => {
  expect(address.parse(text)).toEqual({ value });
});

test.each([
  ":65536",
  ":",
  "localhost",
  "127.0.0.1",
  "::1:8080",
  "http://localhost:8080",
  "unix:sidepost.sock",
  `unix:/${"x".repeat(107)}`,
  "tcp://10.0.0.1:9090",
])("the address %p is refused", (text) => {
  expect(address.parse(text)).toEqual({ refused: text });
});

test("a boolean is true or false and nothing else", () => {
  expect(boolean.parse("true")).toEqual({ value: true });
  expect(boolean.parse("false")).toEqual({ value: false });
  expect(boolean.parse("yes")).toEqual({ refused: "yes" });
});

test("an integer takes both ends of its range", () => {
  const count = integer(1, 1000, "3");
  expect(count.parse("1")).toEqual({ value: 1 });
  expect(count.parse("1000")).toEqual({ value: 1000 });
  for (const text of ["0", "1001", "1.0", "1e2", "-1", "", "three"])
    expect(count.parse(text)).toEqual({ refused: text });
  expect(count.allowed).toBe("a whole number from 1 to 1000, such as 3");
});

test("one of the words is taken, and all are named", () => {
  const level = oneOf("debug", "info", "warn");
  expect(level.parse("info")).toEqual({ value: "info" });
  expect(level.parse("INFO")).toEqual({ refused: "INFO" });
  expect(level.allowed).toBe("debug, info or warn");
});

test("a list drops the space around its items and is empty for empty text", () => {
  const levels = listOf(oneOf("debug", "info"));
  expect(levels.parse("debug, info")).toEqual({ value: ["debug", "info"] });
  expect(levels.parse("")).toEqual({ value: [] });
});

test("a list refuses by the first item that is wrong", () => {
  const levels = listOf(oneOf("debug", "info"));
  expect(levels.parse("debug,loud,quiet")).toEqual({ refused: "loud" });
  expect(levels.parse("debug,")).toEqual({ refused: "" });
});

test("a word stands beside another kind of value", () => {
  const origins = wordOr("*", listOf(oneOf("a", "b")));
  expect(origins.parse("*")).toEqual({ value: "*" });
  expect(origins.parse("a,b")).toEqual({ value: ["a", "b"] });
  expect(origins.allowed).toBe("*, or a comma list of a or b");
});
