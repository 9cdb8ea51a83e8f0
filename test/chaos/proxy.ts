import { createConnection, createServer, type Socket } from "node:net";

/** How a network is: `silent` loses nothing and brings nothing, as a cable that is pulled; `cut` resets and refuses. */
export type Condition = "open" | "slow" | "silent" | "cut";

/** The network between sidepost and the brokers. */
export interface Network extends AsyncDisposable {
  become(condition: Condition): void;
}

/** Of each piece in each direction. */
const SLOW_MS = 150;

/** Forwards each port of `host` to another one of 127.0.0.1. */
export async function startNetwork(
  links: readonly { from: number; to: number }[],
  host = "127.0.0.1",
): Promise<Network> {
  const sockets = new Set<Socket>();
  let condition: Condition = "open";
  let changed = Promise.withResolvers<void>();

  /** Resolves when a piece may go on. */
  async function pass(): Promise<void> {
    if (condition === "slow") await Bun.sleep(SLOW_MS);
    if (condition === "silent") await changed.promise.then(pass);
  }

  function forward(from: Socket, to: Socket): void {
    let last: Promise<unknown> = Promise.resolve();
    const then = (act: () => void) => void (last = last.then(pass).then(act));
    from.on("data", (piece) => {
      from.pause();
      then(() => {
        to.write(piece);
        from.resume();
      });
    });
    from.on("close", () => then(() => to.destroy()));
    from.on("error", () => {});
    sockets.add(from);
    from.on("close", () => sockets.delete(from));
  }

  function accept(client: Socket, to: number): void {
    if (condition === "cut") return void client.destroy();
    const broker = createConnection({ host: "127.0.0.1", port: to, noDelay: true });
    forward(client, broker);
    forward(broker, client);
  }

  const servers = await Promise.all(
    links.map(async ({ from, to }) => {
      const server = createServer({ noDelay: true }, (client) => accept(client, to));
      await new Promise<void>((resolve, reject) => {
        server.once("error", reject).listen(from, host, resolve);
      });
      return server;
    }),
  );
  const become = (next: Condition): void => {
    condition = next;
    changed.resolve();
    changed = Promise.withResolvers();
    if (next === "cut") for (const socket of sockets) socket.destroy();
  };
  return {
    become,
    async [Symbol.asyncDispose]() {
      become("cut");
      await Promise.all(servers.map((server) => new Promise((closed) => server.close(closed))));
    },
  };
}
