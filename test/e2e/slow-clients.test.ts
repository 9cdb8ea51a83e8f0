import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import { createConnection, type Socket } from "node:net";
import { type Sidepost, startSidepost } from "../helpers/process.ts";
import { waitUntil } from "../helpers/wait.ts";
import { ASYNC, MINUTE, post } from "./support.ts";

setDefaultTimeout(MINUTE);

let sidepost: Sidepost;
const sockets: Socket[] = [];
beforeAll(async () => {
  sidepost = await startSidepost({
    env: {
      KAFKA_BROKER_LIST: "embedded",
      SERVER_READ_TIMEOUT: "500ms",
      SERVER_WRITE_TIMEOUT: "1s",
      SERVER_MAX_BODY: "32MiB",
    },
  });
});
afterAll(async () => {
  for (const socket of sockets) socket.destroy();
  await sidepost[Symbol.asyncDispose]();
});

interface Connection {
  socket: Socket;
  /** Resolves when `text` has come `count` times. */
  received(text: string, count: number): Promise<true>;
  /** Resolves with all that was received once the server has closed the connection. */
  closed: Promise<string>;
}

function connect(): Connection {
  const { hostname, port } = new URL(sidepost.url);
  const socket = createConnection({ host: hostname, port: Number(port) });
  sockets.push(socket);
  let received = "";
  socket.setEncoding("latin1");
  socket.on("data", (text) => (received += text));
  const { promise: closed, resolve, reject } = Promise.withResolvers<string>();
  socket.on("end", () => resolve(received));
  socket.on("error", reject);
  closed.catch(() => {}); // Of interest only to who awaits it.
  const check = (text: string, count: number): Promise<true> =>
    waitUntil(
      () => received.split(text).length > count || undefined,
      10_000,
      () => new Error(`received ${received.slice(-1000)}`),
    );
  return { socket, received: check, closed };
}

const head = (path: string, length: number, ...headers: string[]): string =>
  [
    `POST /api/v1/events${path} HTTP/1.1`,
    "host: sidepost",
    "content-type: application/json",
    `content-length: ${length}`,
    ...headers,
    "\r\n",
  ].join("\r\n");

test.concurrent("a body that does not arrive in time is 408, and the connection is closed", async () => {
  const { socket, closed } = connect();
  socket.write(`${head("/user", 100)}{"data":`);
  const answer = await closed;
  expect(answer).toStartWith("HTTP/1.1 408 ");
  expect(answer.toLowerCase()).toContain("connection: close");
  expect(answer).toContain('"code":"request-timeout"');
});

test.concurrent(
  "a client that does not take its answer is cut, and others are served meanwhile",
  async () => {
    // More than the kernel holds for both ends.
    const events = Array.from({ length: 60_000 }, () => ({ type: "user", data: 1, id: "x".repeat(256) }));
    const body = JSON.stringify(events);
    const { socket } = connect();
    socket.pause();
    socket.write(head("", body.length, "prefer: respond-async") + body);
    await waitUntil(
      () => isEstablished(socket) || undefined,
      10_000,
      () => new Error("not connected"),
    );
    await waitUntil(
      () => !isEstablished(socket) || undefined,
      30_000,
      () => new Error("not cut"),
    );
    expect(await post(sidepost, "/user", { data: 1 }, ASYNC)).toMatchObject({ status: 202 });
  },
);

/** Whether the service's end of a client's connection is open, by the kernel's table. */
function isEstablished({ localPort = 0 }: Socket): boolean {
  const hex = (port: number): string => port.toString(16).toUpperCase().padStart(4, "0");
  const { port } = new URL(sidepost.url);
  const ends = `0100007F:${hex(Number(port))} 0100007F:${hex(localPort)} 01 `;
  return readFileSync("/proc/net/tcp", "utf8").includes(ends);
}

test.concurrent("one connection serves many requests", async () => {
  const { socket, received } = connect();
  const body = '{"data":1}';
  for (let count = 1; count <= 50; count++) {
    socket.write(head("/user", body.length) + body);
    await received('"status":"delivered"', count);
  }
});
