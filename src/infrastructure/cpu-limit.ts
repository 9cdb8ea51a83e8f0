import type { ReadLimits } from "./cgroup.ts";

/** The cores that the process may use at a time: those of the machine, or of its container's limit if that is less. */
export function cpuLimit(limits: ReadLimits, machine: number): number {
  const { v2, v1: quotas } = limits({ v2: ["cpu.max"], controller: "cpu", v1: "cpu.cfs_quota_us" });
  const { v1: periods } = limits({ v2: [], controller: "cpu", v1: "cpu.cfs_period_us" });
  const shares = [...v2, ...quotas.map((quota, folder) => `${quota} ${periods[folder]}`)];
  const cores = shares
    .map((share) => share.split(" ").map(Number))
    // "max" of v2 and -1 of v1 are no limit.
    .flatMap(([quota = NaN, period = NaN]) => (quota > 0 && period > 0 ? [quota / period] : []));
  return Math.min(machine, ...cores);
}
