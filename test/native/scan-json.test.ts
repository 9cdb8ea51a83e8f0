import { expect, test } from "bun:test";
import { agreedScan, type Scan, scan } from "./scan-reference.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const array = (text: string): Scan => agreedScan(bytes(text), "array");

const SHAPES = ["array", "lines", "single"] as const;
const withData = (data: string) => `[{"type":"user","data":${data}}]`;

test("a malformed body is malformed, whatever is invalid before it", () => {
  for (const body of [
    "",
    " ",
    "[",
    "[1",
    "[1,]",
    "[1]]",
    "[1] x",
    "[01]",
    "{",
    "nul",
    "[{]",
    '[{"a"}]',
    "[1}",
    '"',
  ])
    expect({ body, status: array(body).status }).toEqual({ body, status: "malformed" });
  expect(array('[{"type":"nobody"},{"type":"user","data":tru}]').status).toBe("malformed");
  expect(array("[]").events).toEqual([]);
});

test("UTF-8 is checked at every place of a block", () => {
  const good = [
    "\x7f",
    "\xc2\x80",
    "\xdf\xbf",
    "\xe0\xa0\x80",
    "\xed\x9f\xbf",
    "\xee\x80\x80",
    "\xf0\x90\x80\x80",
    "\xf4\x8f\xbf\xbf",
  ];
  const bad = [
    "\x80",
    "\xc0\x80",
    "\xc1\xbf",
    "\xc2",
    "\xe0\x9f\xbf",
    "\xe2\x82",
    "\xed\xa0\x80",
    "\xf0\x8f\xbf\xbf",
    "\xf0\x9f\x98",
    "\xf4\x90\x80\x80",
    "\xf5\x80\x80\x80",
    "\xff",
    "\xc2\x80\x80",
    "\xef\xbb",
  ];
  for (let pad = 0; pad < 70; pad++) {
    const statusOf = (text: string) =>
      agreedScan(Buffer.from(withData(`["${"x".repeat(pad)}${text}"]`), "latin1"), "array").status;
    for (const text of good) expect(statusOf(text)).toBe("ok");
    for (const text of bad) expect(statusOf(text)).toBe("malformed");
  }
  for (const shape of SHAPES) expect(agreedScan(bytes("\ufeff[]"), shape).status).toBe("malformed");
  for (let cut = 1; cut < 4; cut++)
    expect(agreedScan(bytes(`[]${" ".repeat(30)}😀`).slice(0, -cut), "array").status).toBe("malformed");
});

test("strings end where they end, at every alignment and length", () => {
  for (let pad = 0; pad < 32; pad++)
    for (let length = 0; length < 70; length++)
      for (const end of ["", "\\n", "\\\\", "\\u00e9", "é"]) {
        const text = `${"x".repeat(length)}${end}`;
        const body = `${" ".repeat(pad)}[{"type":"user","data":["${text}"],"headers":{"h":"${text}"}}]`;
        if (array(body).status !== "ok") throw new Error(body);
      }
});

test("each byte is taken or refused in strings, behind backslashes and between values as by JSON.parse", () => {
  for (let byte = 0; byte < 256; byte++) {
    const char = String.fromCharCode(byte);
    for (const data of [
      `["a${char}b"]`,
      `["\\${char}"]`,
      `["\\u00${char}0"]`,
      `[1${char}]`,
      `${char}1`,
      `-${char}`,
      `1e${char}`,
    ])
      for (const shape of SHAPES) agreedScan(Buffer.from(withData(data), "latin1"), shape);
  }
});

test("a body cut anywhere is malformed", () => {
  const body = bytes('[{"type":"user","data":{"é":[-1.5e+3,true,"\\u00e9\\\\"]},"key":"k"}]');
  for (let end = 0; end < body.length; end++)
    expect(agreedScan(body.slice(0, end), "array").status).toBe("malformed");
});

test("nesting is bounded by the body alone", () => {
  const depth = 1_000_000;
  const nested = (open: string, close: string) => withData(`${open.repeat(depth)}1${close.repeat(depth)}`);
  for (const body of [nested("[", "]"), nested('{"a":', "}"), nested('[{"a":', "}]")]) {
    expect(scan(bytes(body), "array").status).toBe("ok");
    const middle = body.length - depth;
    const crossed = body.slice(0, middle) + (body[middle] === "]" ? "}" : "]") + body.slice(middle + 1);
    expect(scan(bytes(crossed), "array").status).toBe("malformed");
  }
});
