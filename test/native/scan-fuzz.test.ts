import { expect, test } from "bun:test";
import { EVENT_MEMBERS, MAX_HEADERS } from "../../src/domain/event.ts";
import type { BodyShape } from "../../src/http/schemas.ts";
import { agreedScan } from "./scan-reference.ts";

const BODIES = 200_000;

/** A random number generator of 32 bits of state: mulberry32. Returns whole numbers below `limit`. */
function generator(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  };
}

const SHAPES: BodyShape[] = ["array", "lines", "single"];
const { key, id } = EVENT_MEMBERS;
const stringOf = (bytes: number): string => `"${"x".repeat(bytes)}"`;
const headersOf = (count: number): string =>
  JSON.stringify(Object.fromEntries(Array.from({ length: count }, (_, i) => [`h${i}`, ""])));

// Each list: what is mostly taken first, then what is on the edge or behind it.
const VALUES: Record<string, [usual: string[], odd: string[]]> = {
  type: [
    ['"user"', '"order"', '"payment-of-more-than-16-bytes"', '"us\\u0065r"'],
    ['"users"', '"payment-of-more-than-16-bytez"', '""', "0", "null", '"user\\ud800"'],
  ],
  data: [
    [
      '{"user_id": 123, "tags": ["a", "b"], "ok": true}',
      "[]",
      "{}",
      "-0",
      "0.5e-7",
      "null",
      "[[[[]]],{},1]",
      '"[1, 2]"',
      '"{\\"a\\": \\"b\\"}"',
      '" 1 "',
      '"\\"\\ud800\\""',
      '{"a\\\\":"\\"","":[false , true ]}',
      '["Привет, мир", "😀€"]',
      '{"__proto__":{"a":1},"a":1,"a":2}',
    ],
    [
      "01",
      "-",
      "-01",
      "1.",
      ".5",
      "1e",
      "1e+",
      "+1",
      "NaN",
      "tru",
      "nulll",
      "[1,]",
      '{"a":1,}',
      "{,}",
      '{"a"}',
      "{1:2}",
      "[1 2]",
      '"abc"',
      '""',
      '"01"',
      '"\\"\\n\\""',
      '"\\u0000"',
      '["\\u0000"]',
      '["\\x"]',
      '["\\u12"]',
      '["\\ud83d\\u"]',
      '["\t"]',
      "[\f]",
      "'a'",
    ],
  ],
  key: [
    ['"k"', '""', '"ключ"', '"\\ud83d\\ude00"', '"\\udc00\\ud800"'],
    ["1", "null", stringOf(key.maxBytes), stringOf(key.maxBytes + 1)],
  ],
  headers: [
    [
      "{}",
      '{"a":"b"}',
      '{ "a" : "b" , "c" : "\\t" }',
      '{"1":"b","0":"c","a":"d"}',
      '{"a":1,"a":"b"}',
      '{"__proto__":"x"}',
    ],
    [
      '{"a":1}',
      '{"a":"b","a":null}',
      '{"ce_id":"x"}',
      '{"a":"b","CE_\\u0054ype":"x"}',
      '{"ce":"","ce-id":"","xce_id":"","content-type2":"","contenttype":""}',
      '{"content-type":"text/plain"}',
      '{"Content-T\\u0079pe":"x"}',
      '{"a\\u0000":"b"}',
      '["a"]',
      "null",
      headersOf(MAX_HEADERS),
      headersOf(MAX_HEADERS + 1),
      '{"a":"b",}',
    ],
  ],
  id: [
    ['"i"', '"user_created_1"', '"\\u00e9"'],
    ['""', "null", "7", stringOf(id.maxBytes), stringOf(id.maxBytes + 1)],
  ],
  time: [
    ['"2024-01-01T12:00:00Z"', '"2024-02-29T12:00:00.5+03:00"', '"2024-01-01T12:00:00\\u005a"'],
    ['"2023-02-29T12:00:00Z"', '"2024-01-01"', "1704110400", '"2024-01-01 12:00:00Z"'],
  ],
  x: [["1"], ['"a"']],
};

const FRAGMENTS = [
  ...'{}[]:,"\\\n\r\0 -01eE+.tfnu',
  "\\u",
  "\\ud800",
  "\\udc00",
  "\\\\",
  '\\"',
  "null",
  "true",
  "[[[[",
  "]]]]",
  '"a":',
  ',"key":"z"',
  '"type":"order",',
  " ".repeat(17),
  "x".repeat(33),
  "é",
  "😀",
  "\ufeff",
  "\u2028",
].map((text) => Buffer.from(text));
const BYTES = ["c0 80", "ed a0 80", "f4 90 80 80", "f0 9f", "e2 82", "ff", "80"].map((hex) =>
  Buffer.from(hex.replaceAll(" ", ""), "hex"),
);

function randomBody(random: (limit: number) => number, shape: BodyShape): Uint8Array {
  const pick = <T>(list: readonly T[]): T => list[random(list.length)] as T;
  const space = () => (random(12) === 0 ? " ".repeat(random(40)) : "");
  const member = (name: string) => {
    const [usual, odd] = VALUES[name] as [string[], string[]];
    return `${space()}"${name}"${space()}:${space()}${pick(random(25) === 0 ? odd : usual)}${space()}`;
  };
  const event = () => {
    const names = shape === "single" ? ["data"] : ["type", "data"];
    for (const name of ["key", "headers", "id", "time"])
      if (random(3) === 0) names.splice(random(names.length + 1), 0, name);
    if (random(10) === 0) names.push(pick(Object.keys(VALUES)));
    return `{${names.map(member).join(",")}}`;
  };
  if (shape === "single") return Buffer.from(space() + event() + space());
  const events = Array.from({ length: random(4) }, event);
  return Buffer.from(
    shape === "lines"
      ? events.join(pick(["\n", "\r\n", "\n\n", "\n \n"]))
      : `${space()}[${events.join(",")}]${space()}`,
  );
}

function mutated(body: Uint8Array, random: (limit: number) => number): Uint8Array {
  const at = random(body.length + 1);
  const spliced = (removed: number, added: Uint8Array) =>
    Buffer.concat([body.subarray(0, at), added, body.subarray(at + removed)]);
  switch (random(6)) {
    case 0:
      return spliced(1, Buffer.from([random(256)]));
    case 1:
      return spliced(1 + random(4), Buffer.alloc(0));
    case 2:
      return body.subarray(0, at);
    case 3:
      return spliced(random(2), BYTES[random(BYTES.length)] as Uint8Array);
    case 4: {
      const from = random(body.length + 1);
      return spliced(0, body.subarray(from, from + random(40)));
    }
    default:
      return spliced(random(3), FRAGMENTS[random(FRAGMENTS.length)] as Uint8Array);
  }
}

test("the scanner takes exactly what `explain` finds nothing wrong with, and reads it as JSON.parse does", () => {
  const first = Number(process.env.SCAN_SEED ?? Date.now() % 2 ** 31);
  const met = { ok: 0, malformed: 0, invalid: 0 };
  for (let seed = first; seed < first + BODIES; seed++) {
    const random = generator(seed);
    const shape = SHAPES[random(SHAPES.length)]!;
    let body = randomBody(random, shape);
    for (let left = random(3); left > 0; left--) body = mutated(body, random);
    try {
      met[agreedScan(new Uint8Array(body), shape).status]++;
    } catch (error) {
      throw new Error(`SCAN_SEED=${seed} shows it again`, { cause: error });
    }
  }
  // None of the three decisions may be tried by chance only.
  for (const times of Object.values(met)) expect(times).toBeGreaterThan(BODIES / 20);
}, 60_000);
