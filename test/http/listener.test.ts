import { afterAll, expect, test } from "bun:test";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { createConnection, type NetConnectOpts, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readBody } from "../../src/http/body.ts";
import { listen, type Listener, type ListenOptions } from "../../src/http/listener.ts";

const LOCAL = { hostname: "127.0.0.1", port: 0 };
const MANY_SECONDS = 40_000;
const LARGE = new Uint8Array(32 * 1024 * 1024);

const listeners: Listener[] = [];
const sockets: Socket[] = [];
const directory = await mkdtemp(join(tmpdir(), "listener-"));

afterAll(async () => {
  for (const socket of sockets) socket.destroy();
  await Promise.all(listeners.map((listener) => listener.kill()));
  await rm(directory, { recursive: true });
});

async function start(options: Partial<ListenOptions> = {}): Promise<Listener> {
  const listener = await listen({
    address: LOCAL,
    writeTimeout: 1000,
    fetch: answer,
    error: (error) => new Response(`failed: ${String(error)}`, { status: 500 }),
    ...options,
  });
  listeners.push(listener);
  return listener;
}

async function answer(request: Request): Promise<Response> {
  const closing = new AbortController().signal;
  const body = await readBody(request, { maxBody: 1000, readTimeout: 300, closing }, () => undefined);
  if (body instanceof Uint8Array) return new Response(`${new URL(request.url).pathname} ${body.length}`);
  return new Response(body.detail, { status: body.code === "request-timeout" ? 408 : 413 });
}

interface Client {
  send(text: string): void;
  /** Sends one more byte every so often, until the connection closes. */
  dribble(byte: string): void;
  /** Resolves with all that was received so far once it matches. */
  until(pattern: RegExp): Promise<string>;
  /** Resolves with all that was received once the server has closed the connection. */
  closed: Promise<string>;
  socket: Socket;
}

async function connect(to: Listener | NetConnectOpts): Promise<Client> {
  const socket = createConnection(
    "url" in to ? { host: "127.0.0.1", port: Number(new URL(to.url).port) } : to,
  );
  sockets.push(socket);
  let received = "";
  socket.on("data", (data) => {
    received += data.toString("latin1");
  });
  socket.on("error", () => {});
  const closed = Promise.withResolvers<string>();
  socket.on("close", () => closed.resolve(received));
  const connected = Promise.withResolvers<void>();
  socket.on("connect", () => connected.resolve());
  await connected.promise;
  return {
    send: (text) => void socket.write(text),
    dribble: (byte) => {
      const timer = setInterval(() => socket.write(byte), 200);
      socket.on("close", () => clearInterval(timer));
    },
    until: (pattern) =>
      new Promise((resolve) => {
        const check = (): void => {
          if (pattern.test(received)) resolve(received);
        };
        socket.on("data", check);
        check();
      }),
    closed: closed.promise,
    socket,
  };
}

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;
const post = (path: string, ...headers: string[]): string =>
  `POST ${path} HTTP/1.1\r\nHost: a\r\n${headers.map((header) => `${header}\r\n`).join("")}\r\n`;

/** A handler that waits, and the means to let it go on. */
function gate() {
  const entered = Promise.withResolvers<Request>();
  const opened = Promise.withResolvers<void>();
  const fetch = async (request: Request): Promise<Response> => {
    entered.resolve(request);
    await opened.promise;
    return new Response("done");
  };
  return { fetch, entered: entered.promise, open: opened.resolve };
}

test.concurrent(
  "a connection that sends nothing is cut",
  async () => {
    const client = await connect(await start());
    expect(await client.closed).toBe("");
  },
  MANY_SECONDS,
);

test.concurrent(
  "a client that dribbles its headers is cut before any handler is called",
  async () => {
    let called = false;
    const listener = await start({
      fetch: () => {
        called = true;
        return new Response("ok");
      },
    });
    const client = await connect(listener);
    client.send("GET / HTTP/1.1\r\nHost: a\r\nX-Long: ");
    client.dribble("a");
    expect(await client.closed).toBe("");
    expect(called).toBeFalse();
  },
  MANY_SECONDS,
);

test.concurrent("a client that dribbles its body gets 408 and is cut", async () => {
  const client = await connect(await start());
  client.send(post("/", "Content-Length: 900"));
  client.dribble("a");
  const received = await client.closed;
  expect(received).toStartWith("HTTP/1.1 408 ");
  expect(received).toContain("the body did not arrive within 300 ms");
});

test.concurrent("a client that dribbles chunks gets 408 and is cut", async () => {
  const client = await connect(await start());
  client.send(post("/", "Transfer-Encoding: chunked"));
  client.dribble("1\r\na\r\n");
  expect(await client.closed).toStartWith("HTTP/1.1 408 ");
});

test.concurrent("a client that announces a body and sends none gets 408 and is cut", async () => {
  const client = await connect(await start());
  client.send(post("/", "Content-Length: 900"));
  expect(await client.closed).toStartWith("HTTP/1.1 408 ");
});

test.concurrent(
  "a client that does not read its answer is cut, and an idle connection outlives it",
  async () => {
    const cut = Promise.withResolvers<void>();
    const listener = await start({
      fetch: (request) => {
        if (!request.url.endsWith("/large")) return new Response("small");
        request.signal.addEventListener("abort", () => cut.resolve());
        return new Response(LARGE);
      },
    });
    const idle = await connect(listener);
    idle.send(get("/"));
    await idle.until(/small$/);
    const slow = await connect(listener);
    slow.socket.pause();
    slow.send(get("/large"));
    await cut.promise;
    idle.send(get("/"));
    await idle.until(/small[^]*small$/);
  },
  MANY_SECONDS,
);

test.concurrent(
  "a handler may take longer than the write timeout",
  async () => {
    const { fetch, entered, open } = gate();
    const waiting = await connect(
      await start({
        fetch: async (request) => {
          await request.bytes();
          return fetch(request);
        },
      }),
    );
    waiting.send(`${post("/", "Content-Length: 3")}abc`);
    await entered;
    const silent = await connect(await start());
    await silent.closed;
    open();
    await waiting.until(/done$/);
  },
  MANY_SECONDS,
);

test.concurrent("requests in one packet are answered in order on one connection", async () => {
  const client = await connect(await start());
  client.send(`${get("/1")}${post("/2", "Content-Length: 3")}abc${get("/3")}`);
  const received = await client.until(/\/3 0$/);
  expect(received).toMatch(/\/1 0HTTP[^]*\/2 3HTTP[^]*\/3 0$/);
});

test.concurrent("a body over the limit gets 413, and the connection goes on", async () => {
  const client = await connect(await start());
  client.send(`${post("/", "Content-Length: 1001")}${"a".repeat(1001)}`);
  await client.until(/ 413 [^]*1001 bytes[^]*limit is 1000$/);
  client.send(`${post("/", "Transfer-Encoding: chunked")}3e9\r\n${"a".repeat(1001)}\r\n0\r\n\r\n`);
  await client.until(/ 413 [^]* 413 [^]*limit is 1000$/);
  client.send(get("/next"));
  await client.until(/\/next 0$/);
});

test.concurrent("a client that leaves amid its body is forgotten", async () => {
  const settled = Promise.withResolvers<Response>();
  const listener = await start({
    fetch: async (request) => {
      const response = await answer(request);
      settled.resolve(response);
      return response;
    },
  });
  const client = await connect(listener);
  client.send(`${post("/", "Content-Length: 900")}abc`);
  client.socket.end();
  expect(await (await settled.promise).text()).toContain("closed before the whole body arrived");
  expect(await (await fetch(`${listener.url}after`)).text()).toBe("/after 0");
});

test.concurrent("a handler that throws is answered by error", async () => {
  const listener = await start({ fetch: () => Promise.reject(new Error("oops")) });
  const response = await fetch(listener.url);
  expect(response.status).toBe(500);
  expect(await response.text()).toBe("failed: Error: oops");
});

test.concurrent.each([
  ["two different lengths", post("/", "Content-Length: 3", "Content-Length: 4"), "400"],
  ["a length and chunks", post("/", "Content-Length: 3", "Transfer-Encoding: chunked"), "400"],
  ["an unknown transfer encoding", post("/", "Transfer-Encoding: xchunked"), "400"],
  ["a negative length", post("/", "Content-Length: -3"), "400"],
  ["no host", "GET / HTTP/1.1\r\n\r\n", "400"],
  ["huge headers", post("/", `X-Huge: ${"a".repeat(20_000)}`), "431"],
])("%s: refused, and the connection is closed", async (_, request, status) => {
  const client = await connect(await start());
  client.send(request);
  expect(await client.closed).toStartWith(`HTTP/1.1 ${status} `);
});

test.concurrent("Expect: 100-continue is answered before the body is sent", async () => {
  const client = await connect(await start());
  client.send(post("/", "Content-Length: 3", "Expect: 100-continue"));
  await client.until(/^HTTP\/1.1 100 Continue\r\n\r\n$/);
  client.send("abc");
  await client.until(/200 OK[^]*\/ 3$/);
});

test.concurrent("an HTTP/1.0 client is answered and its connection closed", async () => {
  const client = await connect(await start());
  client.send("GET /old HTTP/1.0\r\nHost: a\r\n\r\n");
  expect(await client.closed).toMatch(/200 OK[^]*\/old 0$/);
});

test.concurrent("an answer that says Connection: close closes the connection", async () => {
  const listener = await start({ fetch: () => new Response("bye", { headers: { connection: "close" } }) });
  const client = await connect(listener);
  client.send(get("/"));
  expect(await client.closed).toEndWith("bye");
});

test.concurrent("stop closes idle connections, refuses new ones and finishes what is in flight", async () => {
  const { fetch: wait, entered, open } = gate();
  const listener = await start({
    fetch: (request) => (request.url.endsWith("/wait") ? wait(request) : new Response("ok")),
  });
  const idle = await connect(listener);
  idle.send(get("/"));
  await idle.until(/ok$/);
  const busy = await connect(listener);
  busy.send(get("/wait"));
  await entered;
  const stopped = listener.stop();
  await idle.closed;
  await expect(fetch(listener.url)).rejects.toThrow();
  expect(listener.pending()).toBe(1);
  open();
  expect(await busy.closed).toEndWith("done");
  await stopped;
  await listener.stop();
});

test.concurrent("kill cuts what is in flight", async () => {
  const { fetch: wait, entered, open } = gate();
  const listener = await start({ fetch: wait });
  const busy = await connect(listener);
  busy.send(get("/"));
  const request = await entered;
  await listener.kill();
  expect(await busy.closed).toBe("");
  expect(request.signal.aborted).toBeTrue();
  open();
});

test.concurrent("an address in use is named in one sentence", async () => {
  const { port } = new URL((await start()).url);
  await expect(start({ address: { hostname: "127.0.0.1", port: Number(port) } })).rejects.toThrow(
    `cannot listen on 127.0.0.1:${port}: already in use`,
  );
});

test.concurrent("an address that this machine does not have is named in one sentence", async () => {
  await expect(start({ address: { hostname: "192.0.2.1", port: 8080 } })).rejects.toThrow(
    "cannot listen on 192.0.2.1:8080: this machine has no such address",
  );
});

test.concurrent("a unix socket is served, not taken twice, and removed at the end", async () => {
  const unix = join(directory, "served.sock");
  const listener = await start({ address: { unix } });
  expect(await (await fetch("http://localhost/path", { unix })).text()).toBe("/path 0");
  await expect(start({ address: { unix } })).rejects.toThrow(`cannot listen on ${unix}: already in use`);
  expect(await (await fetch("http://localhost/again", { unix })).text()).toBe("/again 0");
  await listener.stop();
  expect(await Bun.file(unix).exists()).toBeFalse();
});

test.concurrent("a unix socket is open to its user and its group, and to nobody else", async () => {
  const unix = join(directory, "shared.sock");
  await start({ address: { unix } });
  expect(((await stat(unix)).mode & 0o777).toString(8)).toBe("660");
});

test.concurrent("the socket file of a killed process is no hindrance", async () => {
  const unix = join(directory, "stale.sock");
  const script = `Bun.serve({ unix: ${JSON.stringify(unix)}, fetch: () => new Response() }); console.log("up")`;
  const killed = Bun.spawn([process.execPath, "-e", script], { stdout: "pipe" });
  await killed.stdout.getReader().read();
  killed.kill("SIGKILL");
  await killed.exited;
  await start({ address: { unix } });
  expect(await (await fetch("http://localhost/new", { unix })).text()).toBe("/new 0");
});
