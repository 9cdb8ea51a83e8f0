import { type Kafka, startKafka } from "../helpers/kafka.ts";
import { freePorts } from "../helpers/ports.ts";
import { type Network, startNetwork } from "../chaos/proxy.ts";
import { HOST } from "./kubernetes.ts";

/** A way for Pods to the broker: a port at which they find it, and one of the broker itself. */
export interface Link {
  from: number;
  to: number;
}

/** A network that can be cut, of a scenario alone. */
export interface PodNetwork extends Network {
  /** What Pods take for the broker. */
  brokers: string;
}

/** Who may come over the last link: all others let everyone in. */
export const SASL = { username: "shop", password: "of the test" };

/** Starts a real Kafka that says to everyone who comes over a link to come back over the same one. */
export async function startPodKafka(count: number): Promise<Kafka & { links: Link[] }> {
  const ports = await freePorts(2 * count);
  const links = Array.from({ length: count }, (_, i) => ({ from: ports[2 * i]!, to: ports[2 * i + 1]! }));
  const listeners = (address: (link: Link) => string) =>
    links.map((link, i) => `LINK${i}://${address(link)}`).join(",");
  const secured = `LINK${count - 1}`;
  const jaas = `org.apache.kafka.common.security.plain.PlainLoginModule required user_${SASL.username}="${SASL.password}";`;
  const names = ["PLAINTEXT", "CONTROLLER", ...links.map((_, i) => `LINK${i}`)];
  const kafka = await startKafka({
    properties: ({ port, controllerPort }) => ({
      listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort},${listeners(({ to }) => `127.0.0.1:${to}`)}`,
      "advertised.listeners": `PLAINTEXT://127.0.0.1:${port},${listeners(({ from }) => `${HOST}:${from}`)}`,
      "listener.security.protocol.map": names
        .map((name) => `${name}:${name === secured ? "SASL_PLAINTEXT" : "PLAINTEXT"}`)
        .join(","),
      [`listener.name.${secured.toLowerCase()}.sasl.enabled.mechanisms`]: "PLAIN",
      [`listener.name.${secured.toLowerCase()}.plain.sasl.jaas.config`]: jaas,
      "auto.create.topics.enable": "false",
    }),
  });
  return { ...kafka, links };
}

/** Opens a link. */
export async function openLink(link: Link): Promise<PodNetwork> {
  const network = await startNetwork([link], HOST);
  return { ...network, brokers: `${HOST}:${link.from}` };
}
