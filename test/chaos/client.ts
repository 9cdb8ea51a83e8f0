import { createConnection, type NetConnectOpts, type Socket } from "node:net";

export interface Reply {
  status: number;
  body: unknown;
}

/** One connection to the data port, made anew where it broke. */
export interface Client {
  /** Sends a request once; undefined where no answer came, for whatever reason. */
  post(path: string, body: string, headers: Record<string, string>): Promise<Reply | undefined>;
  close(): void;
}

/** More than any answer may take: who waits is answered within SERVER_WRITE_TIMEOUT. */
const PATIENCE_MS = 30_000;

/**
 * A plain HTTP/1.1 client. Not fetch: where a connection closes under it, it may send the same post again
 * without a word, and then the one who counts is wrong. Where there was not even a connection, `unreachable` is called.
 */
export function createClient(to: NetConnectOpts, unreachable: () => void = () => {}): Client {
  let socket: Socket | undefined;

  async function connect(): Promise<Socket> {
    const fresh = createConnection({ ...to, noDelay: true });
    fresh.on("close", () => {
      if (socket === fresh) socket = undefined;
    });
    await new Promise<void>((resolve, reject) => fresh.once("connect", resolve).once("error", reject)).catch(
      (error) => {
        unreachable();
        throw error;
      },
    );
    fresh.removeAllListeners("error").on("error", () => {});
    return fresh;
  }

  // Forgotten at once: its close is told later, and another post may come first.
  function close(): void {
    socket?.destroy();
    socket = undefined;
  }

  return {
    async post(path, body, headers) {
      try {
        socket ??= await connect();
        const reply = await exchange(socket, path, body, headers);
        if (reply === undefined || reply.closes) close();
        return reply;
      } catch {
        close();
        return undefined;
      }
    },
    close,
  };
}

type Read = Reply & { closes: boolean };

function exchange(
  socket: Socket,
  path: string,
  body: string,
  headers: Record<string, string>,
): Promise<Read | undefined> {
  const { promise, resolve } = Promise.withResolvers<Read | undefined>();
  let received = "";
  const onData = (chunk: Buffer) => {
    received += chunk.toString("latin1");
    const reply = read(received);
    if (reply !== undefined) resolve(reply);
  };
  const onClose = () => resolve(undefined);
  const timer = setTimeout(onClose, PATIENCE_MS);
  socket.on("data", onData).on("close", onClose);
  const head = { host: "sidepost", "content-length": String(Buffer.byteLength(body)), ...headers };
  const lines = Object.entries(head).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.write(`POST ${path} HTTP/1.1\r\n${lines.join("")}\r\n${body}`);
  return promise.finally(() => {
    clearTimeout(timer);
    socket.off("data", onData).off("close", onClose);
  });
}

/** The answer, once all of it is there. What is read of it here is ASCII. */
function read(received: string): Read | undefined {
  const end = received.indexOf("\r\n\r\n");
  if (end < 0) return undefined;
  const head = received.slice(0, end).toLowerCase();
  const length = Number(/^content-length: *(\d+)/m.exec(head)?.[1] ?? 0);
  const body = received.slice(end + 4);
  if (body.length < length) return undefined;
  return {
    status: Number(head.slice(9, 12)),
    body: JSON.parse(body.slice(0, length)),
    closes: /^connection: *close/m.test(head),
  };
}
