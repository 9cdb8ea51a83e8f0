import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { address, brokerAnswers, formatBroker, spawnBroker } from "./kafka-broker.ts";
import { kafkaClassPath } from "./kafka-jars.ts";
import { freePorts } from "./ports.ts";

/** A real broker with several ways in. Disposing of it ends it and removes its data. */
export interface KafkaListeners<Name extends string> extends AsyncDisposable {
  /** `host:port` of a listener that lets everyone in. */
  plaintext: string;
  /** `host:port` of each listener that was asked for. */
  at: Record<Name, string>;
  classPath: string;
}

export interface ListenerOptions<Name extends string> {
  /** The listeners beside the plaintext one, by their name (upper case) with their security protocol. */
  protocols: Record<Name, "SASL_PLAINTEXT" | "SASL_SSL" | "SSL">;
  properties: Record<string, string>;
  /** Options of the broker's Java. */
  java?: string[];
}

/** Starts a broker of 127.0.0.1 with these listeners; it answers when this resolves. */
export async function startKafkaListeners<Name extends string>({
  protocols,
  properties,
  java = [],
}: ListenerOptions<Name>): Promise<KafkaListeners<Name>> {
  const names = Object.keys(protocols) as Name[];
  const [port, controllerPort, ...ports] = (await freePorts(2 + names.length)) as [number, number];
  const at = Object.fromEntries(names.map((name, i) => [name, `127.0.0.1:${ports[i]}`])) as Record<
    Name,
    string
  >;
  const folder = mkdtempSync(join(tmpdir(), "sidepost-listeners-"));
  const classPath = await kafkaClassPath();
  const node = { id: 1, port, controllerPort, folder };
  const open = [`PLAINTEXT://${address(node)}`, ...names.map((name) => `${name}://${at[name]}`)].join(",");
  const map = { PLAINTEXT: "PLAINTEXT", CONTROLLER: "PLAINTEXT", ...protocols };
  await formatBroker(node, [node], classPath, {
    listeners: `${open},CONTROLLER://127.0.0.1:${controllerPort}`,
    "advertised.listeners": open,
    "listener.security.protocol.map": Object.entries(map)
      .map((pair) => pair.join(":"))
      .join(","),
    ...properties,
  });
  const broker = spawnBroker(node, classPath, java);
  const dispose = async () => {
    broker.kill("SIGKILL");
    await broker.exited;
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await brokerAnswers(node, broker, 1);
  } catch (error) {
    await dispose();
    throw error;
  }
  return { plaintext: address(node), at, classPath, [Symbol.asyncDispose]: dispose };
}
