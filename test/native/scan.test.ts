import { expect, test } from "bun:test";
import { EVENT_MEMBERS, MAX_HEADERS } from "../../src/domain/event.ts";
import { agreedScan, type Scan, type ScannedEvent } from "./scan-reference.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const array = (text: string): Scan => agreedScan(bytes(text), "array");
const lines = (text: string): Scan => agreedScan(bytes(text), "lines");
const single = (text: string): Scan => agreedScan(bytes(text), "single");

/** The one event of an array that must be valid. */
function only(members: string): ScannedEvent {
  const { status, events } = array(`[{"type":"user",${members}}]`);
  expect({ members, status }).toEqual({ members, status: "ok" });
  return (events as [ScannedEvent])[0];
}

const withData = (data: string) => `[{"type":"user","data":${data}}]`;
const withMore = (members: string) => `[{"type":"user","data":1${members}}]`;
const withTime = (time: string) => `[{"type":"user","data":1,"time":"${time}"}]`;

test("every member is read, and an absent one is apart from an empty one", () => {
  const event = `{"type":"order","data":{"a": [1]},"key":"","headers":{"x":"1","":"y"},"id":"i","time":"2024-01-01T12:00:00Z"}`;
  expect(array(`[${event},{"data":null,"type":"user"}]`).events).toEqual([
    {
      type: 1,
      data: '{"a": [1]}',
      key: "",
      id: "i",
      time: "2024-01-01T12:00:00Z",
      headers: [
        ["x", "1"],
        ["", "y"],
      ],
    },
    { type: 0, data: "null", key: null, id: null, time: null, headers: [] },
  ]);
});

test("data stays byte for byte what was posted", () => {
  for (const data of ["1.0", "-0", "1E+02", "12345678901234567890", '{"a" : 1,"a":2}', '["\\u0041\\/"]'])
    expect(only(`"data": ${data} `).data).toBe(data);
});

test("a data string holds the JSON text that becomes the data", () => {
  expect(only('"data":"{\\"a\\":\\"\\\\n\\\\u0041\\"}"').data).toBe('{"a":"\\n\\u0041"}');
  expect(only('"data":" [1]\\n"').data).toBe(" [1]\n");
  for (const text of ["", " ", "abc", "'a'", "{a:1}", "01", "1 2", "NaN", "{", "\\t", '\\"'])
    expect(array(withData(`"${text}"`)).status).toBe("invalid");
});

test("of a repeated member or header the last one counts", () => {
  expect(only('"data":1,"key":5,"key":"a","data":2')).toMatchObject({ data: "2", key: "a" });
  expect(only('"data":1,"headers":{"a":1,"b":"2","a":"3"}').headers).toEqual([
    ["a", "3"],
    ["b", "2"],
  ]);
  expect(only('"data":1,"headers":{"a":"1"},"headers":{}').headers).toEqual([]);
  expect(array('[{"type":"user","data":1,"key":"a","key":null}]').status).toBe("invalid");
});

test("escapes are decoded, and a lone surrogate becomes U+FFFD", () => {
  expect(
    only('"data":1,"\\u006bey":"\\"\\\\\\/\\b\\f\\n\\r\\t\\u0000\\uD83D\\uDE00\\u20ac\\u00e9"').key,
  ).toBe('"\\/\b\f\n\r\t\0😀€é');
  expect(only('"data":1,"key":"\\ud800\\ud800\\udc00\\udc00x"').key).toBe("\ufffd\u{10000}\ufffdx");
});

test("names that every JavaScript object inherits are nothing special", () => {
  expect(only('"data":1,"headers":{"__proto__":"a","constructor":"b"}').headers).toHaveLength(2);
  for (const name of ["__proto__", "constructor", "toString"])
    expect(array(`[{"type":"user","data":1,"${name}":1}]`).status).toBe("invalid");
});

test("what is JSON but no list of valid events is invalid", () => {
  const bodies = [
    "{}",
    "1",
    '"a"',
    "null",
    "[1]",
    "[[]]",
    "[null]",
    "[{}]",
    '[{"type":"user"}]',
    '[{"data":1}]',
  ];
  const members = [
    ',"x":1',
    ',"key":1',
    ',"key":null',
    ',"id":""',
    ',"id":null',
    ',"time":null',
    ',"time":1',
  ];
  const headers = ["null", "[]", '["a"]', '"a"', '{"a":null}', '{"a":{}}'];
  const types = ['"nobody"', '""', '"users"', "1", "null", '["user"]'];
  for (const body of [
    ...bodies,
    ...members.map(withMore),
    ...headers.map((value) => withMore(`,"headers":${value}`)),
    ...types.map((type) => `[{"data":1,"type":${type}}]`),
  ])
    expect({ body, status: array(body).status }).toEqual({ body, status: "invalid" });
});

test("lengths are counted in bytes of UTF-8", () => {
  const half = EVENT_MEMBERS.key.maxBytes / 2;
  expect(only(`"data":1,"key":"${"é".repeat(half)}"`).key).toHaveLength(half);
  expect(array(withMore(`,"key":"${"é".repeat(half)}a"`)).status).toBe("invalid");
  expect(only(`"data":1,"id":"${"\\ud800".repeat(85)}a"`).id).toHaveLength(86);
  expect(array(withMore(`,"id":"${"\\ud800".repeat(86)}"`)).status).toBe("invalid");
});

test("an event has a limited number of headers, a repeated name counting once", () => {
  const headers = (count: number) => Array.from({ length: count }, (_, i) => `"h${i}":""`).join(",");
  expect(only(`"data":1,"headers":{${headers(MAX_HEADERS)},"h0":"again"}`).headers).toHaveLength(MAX_HEADERS);
  expect(array(withMore(`,"headers":{${headers(MAX_HEADERS + 1)}}`)).status).toBe("invalid");
});

test("headers that would forge what CloudEvents says of an event are refused, and only those", () => {
  const posted = (name: string) => array(withMore(`,"headers":{"a":"b","${name}":"x","c":"d"}`)).status;
  const reserved = ["ce_", "ce_id", "ce_any", "CE_Type", "\\u0063e_id", "content-type", "Content-Type"];
  for (const name of reserved) expect({ name, status: posted(name) }).toEqual({ name, status: "invalid" });
  const free = ["", "c", "ce", "ce-id", "xce_id", "content_type", "content-type ", "content-typ", "\u212ae_"];
  for (const name of free) expect({ name, status: posted(name) }).toEqual({ name, status: "ok" });
});

test("a header's name has no NUL, which would hide the rest of it", () => {
  for (const name of ["\\u0000", "a\\u0000b"])
    expect(array(withMore(`,"headers":{"${name}":"x"}`)).status).toBe("invalid");
});

test("a single post is one event, which names no type", () => {
  expect(single(' {"data":[1],"key":"k","headers":{"a":"b"}} ').events).toMatchObject([
    { data: "[1]", key: "k", headers: [["a", "b"]] },
  ]);
  for (const body of ['{"type":"user","data":1}', '[{"data":1}]', "{}", "1", "null", '{"data":1,"id":""}'])
    expect({ body, status: single(body).status }).toEqual({ body, status: "invalid" });
  for (const body of ["", " ", "\n", '{"data":1}{"data":1}', '{"data":1}\n{"data":1}', '{"data":1},'])
    expect({ body, status: single(body).status }).toEqual({ body, status: "malformed" });
});

test("times are RFC 3339 with real days", () => {
  const good =
    "2024-02-29T23:59:59Z 2000-02-29t00:00:00z 2024-12-31T00:00:00.123456789+23:59 0000-01-01T00:00:00-00:00";
  for (const time of good.split(" ")) expect(array(withTime(time)).status).toBe("ok");
  const bad =
    "2023-02-29T00:00:00Z 1900-02-29T00:00:00Z 2024-04-31T00:00:00Z 2024-00-01T00:00:00Z 2024-13-01T00:00:00Z " +
    "2024-01-00T00:00:00Z 2024-01-01T24:00:00Z 2024-01-01T00:60:00Z 2024-01-01T00:00:60Z 2024-01-01T00:00:00 " +
    "2024-01-01T00:00:00.Z 2024-01-01T00:00:00+0100 2024-01-01T00:00:00+01 2024-01-01T00:00:00+24:00 2024-01-01 " +
    "2024-01-01T00:00Z 2024-01-01T00:00:00ZZ 2024-01-01_00:00:00Z -024-01-01T00:00:00Z 2024-01-01T00:00:00.1 +";
  for (const time of [...bad.split(" "), "", "2024-01-01 00:00:00Z"])
    expect({ time, status: array(withTime(time)).status }).toEqual({ time, status: "invalid" });
});

test("NDJSON takes an event a line, with any line ending, and skips blank lines", () => {
  const event = '{"type":"user","data":"1"}';
  expect(lines(`${event}\n\n \t\r\n${event}\r\n ${event} `).events).toHaveLength(3);
  for (const body of ["", "\n", "\r\n\r\n"]) expect(lines(body).events).toEqual([]);
  for (const body of ["1", "[]", `[${event}]`, `null\n${event}`]) expect(lines(body).status).toBe("invalid");
  for (const body of [
    `${event}${event}`,
    `${event},${event}`,
    '{"type":\n"user","data":1}',
    `${event}\n{`,
    '"\n"',
  ])
    expect({ body, status: lines(body).status }).toEqual({ body, status: "malformed" });
});
