import { parentPort, workerData } from "node:worker_threads";
import { connect, disconnect, newProducer } from "./support.ts";

// What a test's worker does: it produces until its reports are in, or until it is ended.
const { bootstrap, messages, ending } = workerData as {
  bootstrap: string;
  messages: number;
  ending: "disconnect" | "leave" | "throw" | "wait" | "connect";
};
const say = (word: unknown) => parentPort?.postMessage(word, []);
const producer = newProducer({
  "bootstrap.servers": bootstrap,
  dr_msg_cb: true,
  log_level: 0,
});
const connected = connect(producer);
if (ending === "connect") say("connecting");
await connected;
producer.setPollInBackground(true);
let reports = 0;
producer.on("delivery-report", () => {
  reports++;
  if (ending === "wait") producer.produce("worker", null, Buffer.alloc(100), "key", null, { reports });
});
for (let i = 0; i < messages; i++) producer.produce("worker", null, Buffer.alloc(100), "key", null, { i });
if (ending === "disconnect") await disconnect(producer);
say(reports);
if (ending === "leave") process.exit(0);
if (ending === "throw") throw new Error("of the worker's own");
