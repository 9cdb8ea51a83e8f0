import type { Condition } from "./proxy.ts";
import type { World } from "./world.ts";

/** Breaks something, and resolves with the way to mend it. */
export type Fault = (world: World) => Promise<() => Promise<void>>;

const network =
  (condition: Condition): Fault =>
  async ({ cluster }) => {
    cluster.network.become(condition);
    return async () => cluster.network.become("open");
  };

const aBroker = ({ cluster, random }: World): number => random.between(0, cluster.brokers - 1);

export const FAULTS = {
  "broker killed": async (world) => {
    const { kafka } = world.cluster;
    const broker = aBroker(world);
    await kafka.stopBroker(broker, "SIGKILL");
    return () => kafka.startBroker(broker);
  },
  "broker frozen": async (world) => {
    const { kafka } = world.cluster;
    const broker = aBroker(world);
    await kafka.freezeBroker(broker);
    return async () => kafka.thawBroker(broker);
  },
  "rolling restart": async ({ cluster: { kafka, brokers } }) => {
    for (let broker = 0; broker < brokers; broker++) {
      await kafka.stopBroker(broker);
      await kafka.startBroker(broker);
    }
    return async () => {};
  },
  "leaders moved": async ({ cluster, topics }) => {
    await cluster.moveLeaders(topics.main);
    return async () => {};
  },
  "topic deleted": async ({ cluster, topics: { other }, deletedAt }) => {
    await cluster.deleteTopic(other);
    return async () => {
      await cluster.createTopic(other, 2);
      deletedAt.other = Date.now();
    };
  },
  "network cut": network("cut"),
  "network silent": network("silent"),
  "network slow": network("slow"),
  "disk full": async ({ disk }) => {
    disk?.fill();
    return async () => disk?.free();
  },
  // By hours, so that whatever is reckoned by the wall clock is over, or never comes.
  "clock jumps": async ({ clock }) => {
    clock?.set(2 * 3600);
    return async () => clock?.set(-2 * 3600);
  },
  "sidepost killed": async ({ service }) => {
    await service.kill();
    return service.start;
  },
} as const satisfies Record<string, Fault>;

export type FaultName = keyof typeof FAULTS;
