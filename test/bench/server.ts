import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface, type Interface } from "node:readline";
import { setInterval } from "node:timers/promises";
import * as v from "valibot";

/** A server under measurement, started from a compiled program. Disposing of it ends it. */
export interface Server extends AsyncDisposable {
  pid: number;
  /** Origin of the port that takes events. */
  url: string;
  /** Milliseconds from the start of the process to the first 200 of /readyz. */
  startup: number;
}

const Listening = v.pipe(
  v.string(),
  v.parseJson(),
  v.object({ msg: v.literal("listening"), data: v.string() }),
);

/** Milliseconds a program may take to become ready. */
const PATIENCE = 20_000;

/**
 * Starts a program with nothing but `env` in its environment and waits until it is ready.
 * It must write a JSON line with `"msg":"listening"` and its address in `data`. Throws when it does not come up.
 */
export async function launch(program: string, env: Record<string, string> = {}): Promise<Server> {
  const started = performance.now();
  const child = spawn(program, { env, stdio: ["ignore", "pipe", "inherit"] });
  const closed = once(child, "close");
  const dispose = async () => {
    child.kill();
    await closed;
  };
  try {
    const url = await listening(createInterface({ input: child.stdout }));
    await ready(url);
    return { pid: child.pid ?? 0, url, startup: performance.now() - started, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

/** The address in the line that says so. The lines after it are read too, lest the program wait for the pipe. */
function listening(lines: Interface): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  lines.on("line", (line) => {
    if (!line.includes('"listening"')) return;
    const said = v.safeParse(Listening, line);
    if (said.success) resolve(said.output.data);
  });
  lines.on("close", () => reject(new Error("the program ended before it listened")));
  return promise;
}

async function ready(url: string): Promise<void> {
  const deadline = performance.now() + PATIENCE;
  for await (const _ of setInterval(1)) {
    const answer = await fetch(`${url}/readyz`);
    if (answer.status === 200) return;
    if (performance.now() > deadline) throw new Error(`not ready: ${await answer.text()}`);
  }
}
