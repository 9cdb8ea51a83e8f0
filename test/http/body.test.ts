import { expect, test } from "bun:test";
import { failure } from "../../src/domain/errors.ts";
import { type BodyLimits, type Hold, readBody as readHeldBody } from "../../src/http/body.ts";

const LIMITS = { maxBody: 10, readTimeout: 5000, closing: new AbortController().signal };

const readBody = (request: Request, limits: BodyLimits, hold: Hold = () => undefined) =>
  readHeldBody(request, limits, hold);

const posted = (body: string | ReadableStream, headers: Record<string, string> = {}): Request =>
  new Request("http://localhost/", { method: "POST", body, headers });

const chunks = (...parts: string[]): ReadableStream =>
  new ReadableStream({
    start(controller) {
      for (const part of parts) controller.enqueue(new TextEncoder().encode(part));
      controller.close();
    },
  });

test("a body of a known length is read whole", async () => {
  const body = await readBody(posted("0123456789", { "content-length": "10" }), LIMITS);
  expect(new TextDecoder().decode(body as Uint8Array)).toBe("0123456789");
});

test("a chunked body is put together in order", async () => {
  const body = await readBody(posted(chunks("012", "34", "56789")), LIMITS);
  expect(new TextDecoder().decode(body as Uint8Array)).toBe("0123456789");
});

test("a request without a body has an empty one", async () => {
  expect(await readBody(new Request("http://localhost/"), LIMITS)).toHaveLength(0);
});

test("a length over the limit is refused without reading", async () => {
  const request = posted("0123456789a", { "content-length": "11" });
  expect(await readBody(request, LIMITS)).toEqual({
    code: "body-too-large",
    detail: "the body has 11 bytes or more; the limit is 10",
  });
  expect(request.bodyUsed).toBeFalse();
});

test("a chunked body is cut at the limit", async () => {
  let cancelled = false;
  const endless = new ReadableStream({
    pull: (controller) => controller.enqueue(new Uint8Array(4)),
    cancel: () => {
      cancelled = true;
    },
  });
  expect(await readBody(posted(endless), LIMITS)).toEqual({
    code: "body-too-large",
    detail: "the body has 12 bytes or more; the limit is 10",
  });
  expect(cancelled).toBeTrue();
});

test("a body that does not arrive in time is given up", async () => {
  const silent = new ReadableStream();
  expect(await readBody(posted(silent), { ...LIMITS, readTimeout: 20 })).toEqual({
    code: "request-timeout",
    detail: "the body did not arrive within 20 ms",
  });
});

test("bodies that have not arrived when nothing is taken any more are given up, those to come as well", async () => {
  const closing = new AbortController();
  const limits = { ...LIMITS, closing: closing.signal };
  const reading = Array.from({ length: 20 }, () => readBody(posted(new ReadableStream()), limits));
  await Bun.sleep(1); // The limits of a body begin on the turn after its headers.
  closing.abort();
  reading.push(readBody(posted(new ReadableStream()), limits));
  for (const late of await Promise.all(reading)) {
    expect(late).toEqual({
      code: "draining",
      detail: "the process shut down before the whole body arrived",
      retryAfter: 1,
    });
  }
});

test("a body that breaks off is a failure, not an exception", async () => {
  const broken = new ReadableStream({ start: (controller) => controller.error(new Error("reset")) });
  expect(await readBody(posted(broken), LIMITS)).toEqual({
    code: "client-left",
    detail: "the connection closed before the whole body arrived",
  });
});

test("room is held for a body of a known length before any of it is read", async () => {
  const full = failure("admission-closed", "full");
  const request = posted("0123456789", { "content-length": "10" });
  const asked: number[] = [];
  const hold: Hold = (bytes) => (asked.push(bytes), full);
  expect(await readBody(request, LIMITS, hold)).toBe(full);
  expect(asked).toEqual([10]);
  expect(request.bodyUsed).toBeFalse();
});

test("room is held for each part of a chunked body as it comes, and the body is cut off where there is none", async () => {
  const full = failure("admission-closed", "full");
  const asked: number[] = [];
  const hold: Hold = (bytes) => {
    asked.push(bytes);
    return asked.length > 2 ? full : undefined;
  };
  let cancelled = false;
  const endless = new ReadableStream({
    pull: (controller) => controller.enqueue(new Uint8Array(3)),
    cancel: () => {
      cancelled = true;
    },
  });
  expect(await readBody(posted(endless), LIMITS, hold)).toBe(full);
  expect(asked).toEqual([0, 3, 3]);
  expect(cancelled).toBeTrue();
});
