import { createServer } from "node:net";

// Below Linux's ephemeral range (32768 and up): no outgoing connection takes a port while its owner restarts.
const FIRST = 20_000;
const LAST = 32_000;

/** So many different TCP ports of 127.0.0.1 that nothing listens on now. */
export async function freePorts(count: number): Promise<number[]> {
  const tried = Array.from(
    { length: 2 * count + 8 },
    () => FIRST + Math.floor(Math.random() * (LAST - FIRST)),
  );
  const free = await Promise.all(tried.map(async (port) => ((await isFree(port)) ? [port] : [])));
  const ports = [...new Set(free.flat())].slice(0, count);
  if (ports.length < count) throw new Error(`found ${ports.length} free ports of ${count}`);
  return ports;
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}
