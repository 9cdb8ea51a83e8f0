import { type Kafka, startKafka } from "../helpers/kafka.ts";
import { behind } from "../helpers/kafka-broker.ts";
import { freePorts } from "../helpers/ports.ts";
import { type Link, startLink } from "./link.ts";

/** A Kafka of one broker, and a link to it. */
export interface Linked extends AsyncDisposable {
  kafka: Kafka;
  link: Link;
  /** Through the link. */
  bootstrap: string;
}

/** `properties`: settings of the broker. */
export async function startLinked(properties: Record<string, string> = {}): Promise<Linked> {
  const [from = 0, to = 0] = await freePorts(2);
  const link = await startLink({ from, to });
  const kafka = await startKafka({
    properties: (node) => ({ ...properties, ...behind(node, { from, to }) }),
  });
  return {
    kafka,
    link,
    bootstrap: `127.0.0.1:${from}`,
    [Symbol.asyncDispose]: async () => {
      await link[Symbol.asyncDispose]();
      await kafka[Symbol.asyncDispose]();
    },
  };
}
