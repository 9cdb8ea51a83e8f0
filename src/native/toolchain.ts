import { homedir } from "node:os";
import { dirname, join } from "node:path";

/** The folder for what is built once and used by every checkout of this user. */
export function cacheFolder(): string {
  return join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "sidepost");
}

/** The folder of the installed @confluentinc/kafka-javascript. */
export function upstreamFolder(): string {
  return dirname(Bun.resolveSync("@confluentinc/kafka-javascript/package.json", import.meta.dir));
}

/** A short name for some contents: equal contents, equal name. */
export function hashOf(contents: string[]): string {
  const hasher = new Bun.CryptoHasher("sha256");
  for (const content of contents) hasher.update(content).update("\0");
  return hasher.digest("hex").slice(0, 16);
}

/** Runs a command to its end. Throws with its output where it fails. */
export async function run(
  command: string[],
  options: { cwd?: string; env?: Record<string, string | undefined> } = {},
): Promise<void> {
  const child = Bun.spawn(command, { ...options, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [output, errors, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  if (code !== 0)
    throw new Error(`${command.join(" ")} failed with ${code}:\n${(output + errors).slice(-4000)}`);
}
