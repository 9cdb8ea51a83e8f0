import { join } from "node:path";
import type { Logs } from "./logs.ts";

/** The cluster's programs, in one namespace. Each throws what the program says, and what its Pods say, where it fails. */
export interface Programs {
  /** Runs kubectl and resolves with what it prints. */
  kubectl(args: string[], input?: string): Promise<string>;
  /** The same, but resolves with what the API server warns of. */
  warnings(args: string[], input?: string): Promise<string[]>;
  helm(args: string[], input?: string): Promise<string>;
}

/** Lines of all Pods that are told where a command fails. */
const LAST_LINES = 20;

export function createPrograms(cluster: string, namespace: string, logs: Logs): Programs {
  const run = async (program: string, args: string[], input = "") => {
    const command = [join(cluster, "bin", program), ...args, `--namespace=${namespace}`];
    const env = {
      ...process.env,
      KUBECONFIG: join(cluster, "kubeconfig"),
      HELM_CACHE_HOME: join(cluster, "helm"),
    };
    const child = Bun.spawn(command, { env, stdin: new Blob([input]), stderr: "pipe" });
    const [text, errors] = await Promise.all([child.stdout.text(), child.stderr.text()]);
    if ((await child.exited) !== 0) throw new Error(`${command.join(" ")}:\n${errors}${text}`);
    return { text, errors };
  };
  const runOrExplain = (program: string, args: string[], input?: string) =>
    run(program, args, input).catch(async (cause: Error) => {
      const { text } = await run("kubectl", ["get", "pods,events"]);
      const told = logs.read().slice(-LAST_LINES);
      const lines = told.map(({ pod, container, text: line }) => `${pod} ${container}: ${line}`);
      throw new Error([cause.message, text, ...lines].join("\n"), { cause });
    });
  return {
    kubectl: async (args, input) => (await runOrExplain("kubectl", args, input)).text,
    helm: async (args, input) => (await runOrExplain("helm", args, input)).text,
    async warnings(args, input) {
      const { errors } = await runOrExplain("kubectl", args, input);
      return errors.split("\n").filter((line) => line.startsWith("Warning:"));
    },
  };
}
