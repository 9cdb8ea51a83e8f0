import { expect, spyOn, test } from "bun:test";
import { EVENT_MEMBERS, MAX_HEADERS } from "../../src/domain/event.ts";
import { type BodyShape, explain } from "../../src/http/schemas.ts";

// That `explain` takes exactly what the scanner takes is held by test/native/scan-fuzz.test.ts.

const NAMES = ["user", "order"];
const explained = (body: string, shape: BodyShape = "single") => explain(Buffer.from(body), shape, NAMES);
/** The one violation of a single post. */
const violation = (body: object) => explained(JSON.stringify(body))?.violations;

test("nothing is wrong with a valid body", () => {
  expect(explained('{"data":1}')).toBeUndefined();
  expect(explained('[{"type":"user","data":1},{"type":"order","data":"[]"}]', "array")).toBeUndefined();
  expect(explained('{"type":"user","data":1}\r\n\n{"type":"order","data":1}\n', "lines")).toBeUndefined();
  for (const shape of ["array", "lines"] as const)
    expect(explained(shape === "array" ? "[]" : "", shape)).toBeUndefined();
});

test.each([
  [{}, "/data", "is missing"],
  [{ data: "abc" }, "/data", 'must be JSON, or a string that holds JSON text, not "abc"'],
  [{ data: 1, key: 5 }, "/key", "must be a string, not 5"],
  [{ data: 1, key: null }, "/key", "must be a string, not null"],
  [{ data: 1, key: {} }, "/key", "must be a string, not an object"],
  [{ data: 1, key: "é".repeat(EVENT_MEMBERS.key.maxBytes) }, "/key", "must have 0 to 32768 bytes, not 65536"],
  [{ data: 1, id: "" }, "/id", "must have 1 to 256 bytes, not 0"],
  [{ data: 1, id: true }, "/id", "must be a string, not true"],
  [{ data: 1, time: 1_704_110_400 }, "/time", "must be a string, not 1704110400"],
  [
    { data: 1, time: "yesterday" },
    "/time",
    'must be a date-time of RFC 3339, such as 2024-01-01T12:00:00Z, not "yesterday"',
  ],
  [{ data: 1, headers: ["a"] }, "/headers", "must be an object, not an array"],
  [{ data: 1, headers: { a: 1 } }, "/headers/a", "must be a string, not 1"],
  [{ data: 1, headers: { "a/b~c": null } }, "/headers/a~1b~0c", "must be a string, not null"],
  [
    { data: 1, headers: { CE_id: "a" } },
    "/headers/CE_id",
    "is a header of CloudEvents, which sidepost sets itself",
  ],
  [
    { data: 1, headers: { "content-type": "a" } },
    "/headers/content-type",
    "is a header of CloudEvents, which sidepost sets itself",
  ],
  [{ data: 1, extra: 1 }, "/extra", "is not known; allowed: data, key, headers, id, time"],
  [{ data: 1, type: "user" }, "/type", "is not known; allowed: data, key, headers, id, time"],
  [
    JSON.parse('{"data":1,"__proto__":1}'),
    "/__proto__",
    "is not known; allowed: data, key, headers, id, time",
  ],
  [{ data: 1, constructor: 1 }, "/constructor", "is not known; allowed: data, key, headers, id, time"],
])("%j is refused at %s", (body, pointer, detail) => {
  expect(violation(body)).toEqual([{ pointer, detail }]);
});

const wrongMembers = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`h${i}`, i]));

test("a header's name has no NUL", () => {
  expect(violation({ data: 1, headers: { "a\0": "b" } })).toEqual([
    { pointer: "/headers/a\0", detail: "must have no NUL in its name" },
  ]);
});

test("too many headers are counted, and not looked at one by one", () => {
  expect(violation({ data: 1, headers: wrongMembers(MAX_HEADERS + 1) })).toEqual([
    { pointer: "/headers", detail: "must have at most 100 headers, not 101" },
  ]);
});

test("what is no object at all is refused as a whole", () => {
  for (const [body, seen] of [
    ["[]", "an array"],
    ["1", "1"],
    ["null", "null"],
    ['"a"', '"a"'],
  ])
    expect(explained(`${body}`)).toMatchObject({
      detail: `the body must be an object, not ${seen}`,
      violations: [{ pointer: "", detail: `must be an object, not ${seen}` }],
    });
  expect(explained("{}", "array")?.detail).toBe("the body must be an array of events, not an object");
  expect(explained("[1,[]]", "array")?.detail).toBe(
    "/0 must be an object, not 1; /1 must be an object, not an array",
  );
});

test("a batch's violations say which event, and each is named", () => {
  const events = [
    { type: "user", data: 1 },
    { type: "bob", data: 1 },
    { data: "x", key: 1, a: 1, b: 2 },
  ];
  const wanted = [
    { pointer: "/1/type", detail: 'is "bob"; allowed: user, order' },
    { pointer: "/2/type", detail: "is missing" },
    { pointer: "/2/data", detail: 'must be JSON, or a string that holds JSON text, not "x"' },
    { pointer: "/2/key", detail: "must be a string, not 1" },
    { pointer: "/2/a", detail: "is not known; allowed: type, data, key, headers, id, time" },
    { pointer: "/2/b", detail: "is not known; allowed: type, data, key, headers, id, time" },
  ];
  const lines = events.map((event) => JSON.stringify(event)).join("\n\n");
  for (const failure of [explained(JSON.stringify(events), "array"), explained(lines, "lines")]) {
    expect(failure?.code).toBe("invalid-event");
    expect(failure?.violations).toEqual(wanted);
    expect(failure?.detail).toStartWith(
      '/1/type is "bob"; allowed: user, order; /2/type is missing; /2/data ',
    );
    expect(failure?.detail).toEndWith("; and 3 more");
  }
});

test("a long value is shown in short, and of many violations the first hundred in all", () => {
  expect(violation({ data: "x".repeat(1000) })?.[0]?.detail).toHaveLength(
    'must be JSON, or a string that holds JSON text, not "'.length + 60,
  );
  for (const [wrong, more] of [
    [100, "; and 97 more"],
    [101, "; and more"],
  ] as const) {
    const many = explained(JSON.stringify(Array(wrong).fill(1)), "array");
    const one = explained(JSON.stringify({ data: 1, ...wrongMembers(wrong) }));
    for (const failure of [many, one]) {
      expect(failure?.violations).toHaveLength(100);
      expect(failure?.detail).toEndWith(more);
    }
  }
});

test("no more events are looked at than are explained", () => {
  const body = `[${Array(10_000).fill('{"type":"user","data":"not JSON"}').join(",")}]`;
  // Once for the body, and once for the text of each event that is looked at.
  const parse = spyOn(JSON, "parse");
  const failure = explained(body, "array");
  const parsed = parse.mock.calls.length;
  parse.mockRestore();
  expect(failure?.violations).toHaveLength(100);
  expect(parsed).toBe(1 + 101);
});

test("a body that is not JSON is malformed, whatever else is wrong with it", () => {
  for (const body of ["", "{", '{"data":}', '{"data":1,}', '{"data":1} x', "{'data':1}", '{"data":"\t"}'])
    expect({ body, code: explained(body)?.code }).toEqual({ body, code: "malformed-body" });
  expect(explained('[{"extra":1},', "array")?.code).toBe("malformed-body");
  expect(explain(new Uint8Array([0x22, 0xff, 0x22]), "single", NAMES)?.code).toBe("malformed-body");
  expect(explain(Buffer.from('\ufeff{"data":1}'), "single", NAMES)?.code).toBe("malformed-body");
});
