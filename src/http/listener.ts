import { chmod, lstat, unlink } from "node:fs/promises";
import { nextTurn } from "./turn.ts";

/*
 * How slow clients are cut, as measured on Bun 1.4.5. Its one timer a connection ticks every 4 s, so each figure is a range.
 * - Headers of a connection's first request: 8-12 s after accept, in no way extended by dribbled bytes. The figure is
 *   fixed inside Bun: idleTimeout and server.timeout() do not reach it.
 * - Headers of later requests: what is left of IDLE_SECONDS since the last answer; dribbled bytes do not extend it.
 * - Body: readBody's own timer, exact. Bun extends its timer for bodies faster than 16 KiB/s, so it is no deadline.
 * - A body that nobody reads (answered early) is discarded, for IDLE_SECONDS at most, at whatever speed it arrives.
 * - Waiting handler: no limit once a body has arrived; IDLE_SECONDS for a request without one.
 * - Answer: `writeTimeout`, extended each time the kernel can take more of it: hundreds of KiB, never single bytes.
 *   Not on a unix socket, where server.timeout() does nothing: IDLE_SECONDS there.
 * Bun answers the malformed itself: 400 (framing, smuggling), 431 (headers over 16 KiB), 505. It closes a connection whose
 * client sends a request before the answer to the one before it has been given: pipelining works only for immediate answers.
 */

type Server = Bun.Server<undefined>;

export type Address = { hostname: string; port: number } | { unix: string };

export interface ListenOptions {
  address: Address;
  /** Milliseconds after which a client that takes nothing of its answer is cut, in effect up to 8 s later; 251 s at most. */
  writeTimeout: number;
  fetch: (request: Request, server: Server) => Response | Promise<Response>;
  /** The answer to a request whose handler threw. */
  error: (error: unknown) => Response;
}

export interface Listener {
  url: string;
  /** Requests whose answer is not yet wholly handed to the kernel. */
  pending(): number;
  /**
   * Stops accepting, closes idle connections, and resolves when the last request in flight has been answered. Half-sent
   * headers count as in flight, so a caller with a deadline calls `kill` then. Idempotent.
   */
  stop(): Promise<void>;
  /** Closes everything at once. Idempotent. */
  kill(): Promise<void>;
}

/** Longer than most clients keep an unused connection, so that they close it and no request meets a closing one. */
const IDLE_SECONDS = 75;
const TICK_SECONDS = 4;

/** To connect is to write. The group may as well: containers of a Pod have users of their own, and share a group. */
const SOCKET_MODE = 0o660;

/** Starts to listen; port 0 takes a free one. Throws one sentence naming the address and what is wrong with it. */
export async function listen({ address, writeTimeout, fetch, error }: ListenOptions): Promise<Listener> {
  if ("unix" in address) await removeStaleSocket(address.unix);
  // The first tick may come at once: one more, so that nobody is cut before the time.
  const writeSeconds = Math.ceil(writeTimeout / 1000) + TICK_SECONDS;
  // An answer that the kernel did not take whole is still unfinished on the next turn, and only then can its timer still
  // be set. For a finished one the call does nothing, and its connection idles as ever.
  const watchWrite = nextTurn<Request>((answered) => {
    for (const request of answered) server.timeout(request, writeSeconds);
  });
  const server = bind(address, {
    error,
    async fetch(request, self) {
      const response = await fetch(request, self);
      // RFC 9110, 15.5.9. Without it Bun would go on discarding the body that was too slow.
      if (response.status === 408) response.headers.set("connection", "close");
      watchWrite(request);
      return response;
    },
  });
  if ("unix" in address) await chmod(address.unix, SOCKET_MODE);
  return {
    url: server.url.href,
    pending: () => server.pendingRequests,
    stop: () => server.stop(),
    kill: () => server.stop(true),
  };
}

type Handlers = Required<Pick<Bun.Serve.FetchOrRoutes<undefined, string>, "fetch">> &
  Pick<ListenOptions, "error">;

function bind(address: Address, handlers: Handlers): Server {
  try {
    return Bun.serve({
      ...address,
      ...handlers,
      development: false,
      // Without `development` Bun would share the port with whoever has it, and "already in use" would go unnoticed.
      reusePort: false,
      idleTimeout: IDLE_SECONDS,
      // readBody holds the limit: Bun's own answer would name neither the limit nor the size.
      maxRequestBodySize: Number.MAX_SAFE_INTEGER,
    } as Bun.Serve.Options<undefined>);
  } catch (cause) {
    throw new Error(`cannot listen on ${place(address)}: ${reason(cause)}`, { cause });
  }
}

/** A socket file that nobody listens on is left by a killed process, and would keep every later one from starting. */
async function removeStaleSocket(path: string): Promise<void> {
  const stat = await lstat(path).catch(() => undefined);
  if (!stat?.isSocket()) return;
  try {
    const socket = await Bun.connect({ unix: path, socket: { data() {} } });
    socket.end();
  } catch (error) {
    if (codeOf(error) === "ECONNREFUSED") await unlink(path);
  }
}

function place(address: Address): string {
  if ("unix" in address) return address.unix;
  const { hostname, port } = address;
  return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}

const REASONS: Record<string, string> = {
  EADDRINUSE: "already in use",
  EADDRNOTAVAIL: "this machine has no such address",
  EACCES: "permission denied",
  ENOENT: "no such directory",
  ENAMETOOLONG: "the path is too long for a socket",
};

function reason(error: unknown): string {
  return REASONS[codeOf(error)] ?? String(error);
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}
