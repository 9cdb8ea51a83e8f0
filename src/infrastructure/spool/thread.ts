import type { Fault, Found, Lookup, Reply, Request } from "./messages.ts";

const ENDED: Fault = { reason: "unreadable", detail: "the thread of the spool ended before it was read" };

/** A thread with the spool's engine in it. */
export interface Thread {
  /** Hands a request over; the buffers named go with it, and are detached here. */
  post(request: Exclude<Request, Lookup>, transfer?: ArrayBuffer[]): void;
  /** Resolves with what was found: with a failure where the thread ends before. */
  ask(lookup: Lookup): Promise<Found>;
  stop(): void;
}

/** `onEnd`: it could not begin, or broke. */
export function startThread(
  onReply: (reply: Exclude<Reply, { kind: "found" }>) => void,
  onEnd: (why: string) => void,
): Thread {
  // 13 MB of RSS on Bun 1.4.5, with `smol` as well. An executable must be built with worker.ts as an entry point of its own.
  const worker = new Worker(new URL("./worker.ts", import.meta.url));
  const calls = new Map<number, (found: Found) => void>();
  let last = 0;

  worker.addEventListener("message", ({ data: reply }: MessageEvent<Reply>) => {
    if (reply.kind !== "found") return onReply(reply);
    calls.get(reply.call)?.(reply);
    calls.delete(reply.call);
  });
  worker.addEventListener("error", ({ message }) => {
    stop();
    onEnd(message);
  });

  function stop(): void {
    worker.terminate();
    for (const resolve of calls.values()) resolve({ failure: ENDED });
    calls.clear();
  }

  return {
    post: (request, transfer = []) => worker.postMessage(request, transfer),
    ask(lookup) {
      const { promise, resolve } = Promise.withResolvers<Found>();
      calls.set(++last, resolve);
      worker.postMessage({ ...lookup, call: last }, []);
      return promise;
    },
    stop,
  };
}
