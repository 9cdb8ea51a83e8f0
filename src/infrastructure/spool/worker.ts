import { parentPort } from "node:worker_threads";
import { createEngine } from "./engine.ts";
import type { Reply, Request } from "./messages.ts";

// The thread of the spool: whatever waits for the disk waits here. The engine answers each message, and never throws.

const say = (reply: Reply): void => {
  const bytes = reply.kind === "found" ? (reply.bytes ?? reply.chunk?.bytes)?.buffer : undefined;
  parentPort?.postMessage(reply, bytes instanceof ArrayBuffer ? [bytes] : []);
};

const engine = createEngine(say);

parentPort?.on("message", (request: Request) => {
  if (request.kind === "open") engine.open(request.folder, request.refusedBytes);
  else if (request.kind === "commit") engine.commit(request.work);
  else if (request.kind === "probe") engine.probe();
  else if (request.kind === "close") engine.close();
  else say({ kind: "found", call: request.call, ...engine.lookUp(request) });
});
