import { canMount } from "./disk.ts";
import type { FaultName } from "./faults.ts";
import type { Scenario } from "./scenario.ts";
import { ALL_AND_REFUSED } from "./styles.ts";

/** A scenario by its name, and the brokers that it needs. */
export interface Case extends Scenario {
  name: string;
  brokers: 1 | 3;
}

const SPOOLS = ["off", "overflow", "always"] as const;
const ENDURED: FaultName[] = [
  "broker killed",
  "broker frozen",
  "network cut",
  "network silent",
  "network slow",
  "topic deleted",
  "clock jumps",
  "sidepost killed",
];
const THREE_BROKERS: FaultName[] = [
  "broker killed",
  "broker frozen",
  "leaders moved",
  "rolling restart",
  "sidepost killed",
];

/** Every case: each fault alone, with SIGTERM amid it, and several after each other; with each way to spool. */
export function allCases(): Case[] {
  return SPOOLS.flatMap((spool) => {
    const titled = (brokers: 1 | 3, faults: FaultName[], sigterm = false): Case => ({
      name: `spool ${spool}, ${brokers} brokers: ${faults.join(", ")}${sigterm ? ", SIGTERM amid it" : ""}`,
      brokers,
      faults,
      spool,
      sigterm,
      // With a spool such an event may be answered `stored` and then be refused, which is no promise broken.
      ...(spool === "off" ? { styles: ALL_AND_REFUSED } : {}),
    });
    const one = spool !== "off" && canMount ? [...ENDURED, "disk full" as const] : ENDURED;
    const alive = one.filter((fault) => fault !== "sidepost killed");
    return [
      one.map((fault) => titled(1, [fault])),
      alive.map((fault) => titled(1, [fault], true)),
      THREE_BROKERS.map((fault) => titled(3, [fault])),
      titled(3, [...THREE_BROKERS, ...THREE_BROKERS]),
    ].flat();
  });
}
