import { createConnection, createServer, type Socket } from "node:net";

/** A link to a broker on which the answers to produce requests, or the requests themselves, get lost. */
export interface Link extends AsyncDisposable {
  /** What becomes of produce requests: `hold` lets the broker have them and keeps the answers, `lose` takes them away. */
  produce: "pass" | "hold" | "lose";
  /** The answers that are held, in their order. */
  held: Answer[];
  /** The epoch that a producer gets with its id, instead of the broker's. */
  epoch?: number;
  /** So many produce requests were lost. */
  lost: number;
  /** Resets every connection, and refuses new ones until `up`. */
  cut(): void;
  up(): void;
  /** Resets every connection: what is held is lost. */
  reset(): void;
}

export interface Answer {
  /** The broker's error code. */
  code: number;
  /** Lets the client have it; with `code` instead of the broker's own error code. */
  pass(code?: number): void;
}

const PRODUCE = 0;
const INIT_PRODUCER_ID = 22;

/** Kafka's frames, of a request or an answer: four bytes of length, then so many bytes. */
function createFrames(each: (frame: Buffer) => void): (piece: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0);
  return (piece) => {
    rest = Buffer.concat([rest, piece]);
    while (rest.length >= 4 && rest.length >= 4 + rest.readInt32BE(0)) {
      const end = 4 + rest.readInt32BE(0);
      each(Buffer.from(rest.subarray(0, end)));
      rest = rest.subarray(end);
    }
  };
}

/** Forwards port `from` of 127.0.0.1 to `to`. */
export async function startLink({ from, to }: { from: number; to: number }): Promise<Link> {
  const sockets = new Set<Socket>();
  let refuses = false;

  function accept(client: Socket): void {
    if (refuses) return void client.destroy();
    const broker = createConnection({ host: "127.0.0.1", port: to, noDelay: true });
    const asked = new Map<number, number>();
    const request = (frame: Buffer): void => {
      const [api, correlation] = [frame.readInt16BE(4), frame.readInt32BE(8)];
      if (api === PRODUCE && link.produce === "lose") return void link.lost++;
      asked.set(correlation, api);
      broker.write(frame);
    };
    const answer = (frame: Buffer): void => {
      const api = asked.get(frame.readInt32BE(4));
      const pass = (code?: number): void =>
        void client.write(code === undefined ? frame : recoded(frame, code));
      if (api === INIT_PRODUCER_ID && link.epoch !== undefined) frame.writeInt16BE(link.epoch, EPOCH_AT);
      if (api === PRODUCE && link.produce === "hold")
        link.held.push({ code: frame.readInt16BE(codeAt(frame)), pass });
      else pass();
    };
    client.on("data", createFrames(request));
    broker.on("data", createFrames(answer));
    for (const [one, other] of [
      [client, broker],
      [broker, client],
    ] as const) {
      sockets.add(one);
      one.on("error", () => {});
      one.on("close", () => {
        sockets.delete(one);
        other.destroy();
      });
    }
  }

  const server = createServer({ noDelay: true }, accept);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject).listen(from, "127.0.0.1", resolve);
  });
  const link: Link = {
    produce: "pass",
    held: [],
    lost: 0,
    cut() {
      refuses = true;
      link.held = [];
      for (const socket of sockets) socket.destroy();
    },
    up: () => void (refuses = false),
    reset() {
      link.cut();
      link.up();
    },
    async [Symbol.asyncDispose]() {
      link.cut();
      await new Promise((closed) => server.close(closed));
    },
  };
  return link;
}

/** Behind length, correlation id, tags, throttle time, error code and producer id. */
const EPOCH_AT = 4 + 4 + 1 + 4 + 2 + 8;

/** In a produce answer of one partition: length, correlation id, tags, topics (1 more), name (1 more), partitions, index, code. */
function codeAt(frame: Buffer): number {
  const name = 4 + 4 + 1 + 1;
  return name + frame.readUInt8(name) + 1 + 4;
}

function recoded(frame: Buffer, code: number): Buffer {
  const changed = Buffer.from(frame);
  changed.writeInt16BE(code, codeAt(frame));
  return changed;
}
