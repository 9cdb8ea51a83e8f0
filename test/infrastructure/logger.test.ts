import { expect, test } from "bun:test";
import { createLogger } from "../../src/infrastructure/logger.ts";
import type { LogWriter } from "../../src/infrastructure/log-stream.ts";

test("a JSON line has the level as a word, msg, the fields, and the time in UTC with milliseconds", async () => {
  const { written, destination } = memory();
  const logger = await createLogger({ level: "info", format: "json", destination });
  logger.info(
    { event_id: "id-1", event_type: "user_created", duration: "15.2ms" },
    "Event published successfully",
  );
  await logger.flush();
  const line: unknown = JSON.parse(written.join(""));
  expect(line).toEqual({
    level: "info",
    msg: "Event published successfully",
    event_id: "id-1",
    event_type: "user_created",
    duration: "15.2ms",
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
  });
});

test("lines below the level are left out", async () => {
  const { written, destination } = memory();
  const logger = await createLogger({ level: "warn", format: "json", destination });
  logger.debug({}, "one");
  logger.info({}, "two");
  logger.warn({}, "three");
  logger.error({}, "four");
  await logger.flush();
  expect(messages(written)).toEqual(["three", "four"]);
});

test("an error keeps its message and stack", async () => {
  const { written, destination } = memory();
  const logger = await createLogger({ level: "info", format: "json", destination });
  logger.error({ err: new TypeError("broken") }, "Unexpected");
  await logger.flush();
  expect(JSON.parse(written.join(""))).toMatchObject({
    err: { type: "TypeError", message: "broken", stack: expect.stringContaining("logger.test.ts") },
  });
});

test("text is for people: one line with time, level, message and fields", async () => {
  const { written, destination } = memory();
  const logger = await createLogger({ level: "info", format: "text", destination });
  logger.warn({ count: 3 }, "Retrying");
  await logger.flush();
  const line = Bun.stripANSI(written.join(""));
  expect(line).toMatch(/^\[.+\] WARN: Retrying \{"count":3\}\n$/);
});

test("lines wait for a slow reader, in order, and flush resolves when they are out", async () => {
  const reader = slowReader();
  const logger = await createLogger({ level: "info", format: "json", destination: reader });
  logger.info({}, "one");
  const flushed = logger.flush();
  logger.info({}, "two");
  logger.info({}, "three");
  expect(messages(reader.written)).toEqual(["one"]);
  reader.read();
  await flushed;
  expect(messages(reader.written)).toEqual(["one", "two", "three"]);
});

test("lines go out without a flush", async () => {
  const { written, destination } = memory();
  const logger = await createLogger({ level: "info", format: "json", destination });
  logger.info({}, "one");
  logger.info({}, "two");
  await nextTurn();
  await nextTurn();
  expect(messages(written)).toEqual(["one", "two"]);
  expect(written).toHaveLength(1);
});

test("what a slow reader leaves no room for is dropped, counted, and said when the reader is back", async () => {
  const reader = slowReader();
  const logger = await createLogger({ level: "info", format: "json", destination: reader });
  logger.info({}, "first");
  const flushed = logger.flush();
  const pad = "x".repeat(1_200_000);
  for (let line = 0; line < 6; line++) logger.info({ pad }, "long");
  reader.read();
  await flushed;
  expect(messages(reader.written)).toEqual([
    "first",
    "long",
    "long",
    "long",
    "long",
    expect.stringContaining("dropped"),
  ]);
  expect(JSON.parse(reader.written.at(-1) ?? "")).toMatchObject({ level: "error", count: 2 });
});

test("a burst within one turn of the event loop is kept whole", async () => {
  const { written, destination } = memory();
  const logger = await createLogger({ level: "info", format: "json", destination });
  const pad = "x".repeat(1_200_000);
  for (let line = 0; line < 6; line++) logger.error({ pad }, "Event lost");
  await logger.flush();
  expect(messages(written)).toEqual(Array.from({ length: 6 }, () => "Event lost"));
});

test("a write that fails does not throw; its lines are counted when the next one succeeds", async () => {
  const { written, destination } = memory();
  let broken = true;
  const logger = await createLogger({
    level: "info",
    format: "json",
    destination: {
      write: destination.write,
      flush: () => (broken ? Promise.reject(new Error("ENOSPC")) : destination.flush()),
    },
  });
  logger.info({}, "one");
  logger.info({}, "two");
  await logger.flush();
  broken = false;
  written.length = 0;
  logger.info({}, "three");
  await logger.flush();
  expect(messages(written)).toEqual(["three", expect.stringContaining("dropped")]);
  expect(written.at(-1)).toContain('"count":2');
});

test("standard output gets every line, in order, though its reader is slow and the process ends after flush", async () => {
  const child = Bun.spawn([process.execPath, "-e", MANY_LINES], { stdout: "pipe", stderr: "inherit" });
  await Bun.sleep(300);
  const lines = (await child.stdout.text()).trimEnd().split("\n");
  expect(await child.exited).toBe(0);
  expect(lines.map((line) => JSON.parse(line).n)).toEqual(Array.from({ length: 2000 }, (_, n) => n));
});

test("a reader that goes away does not end the process", async () => {
  const child = Bun.spawn([process.execPath, "-e", MANY_LINES], { stdout: "pipe", stderr: "inherit" });
  await child.stdout.cancel();
  expect(await child.exited).toBe(0);
});

/** 500 kB: several times what a pipe holds. */
const MANY_LINES = `
  import { createLogger } from ${JSON.stringify(`${import.meta.dir}/../../src/infrastructure/logger.ts`)};
  const logger = await createLogger({ level: "info", format: "json" });
  for (let n = 0; n < 2000; n++) {
    logger.info({ n, pad: "x".repeat(200) }, "line");
    if (n % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  await logger.flush();
  process.exit(0);
`;

function memory() {
  const written: string[] = [];
  const destination = { write: (text: string) => written.push(text), flush: () => 0 } satisfies LogWriter;
  return { written, destination };
}

/** Takes a first write and stays busy with it until `read`. */
function slowReader() {
  const written: string[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  return {
    written,
    write: (text: string) => written.push(text),
    flush: () => promise,
    read: () => resolve(),
  } satisfies LogWriter & { written: string[]; read(): void };
}

function messages(written: readonly string[]): string[] {
  const lines = written.join("").trimEnd().split("\n");
  return lines.map((line) => (JSON.parse(line) as { msg: string }).msg);
}

const nextTurn = () => new Promise((resolve) => setImmediate(resolve));
