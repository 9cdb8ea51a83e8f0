import type { ReadLimits } from "./cgroup.ts";

/** cgroup v1 says "no limit" by the largest number of whole pages, 9223372036854771712. No machine has an exbibyte. */
const NO_LIMIT = 2 ** 60;

/** The memory that the container may take, in bytes: the least limit that holds; undefined where there is none. */
export function memoryLimit(limits: ReadLimits): number | undefined {
  const { v2, v1 } = limits({
    // Above `high` the kernel slows the process down until it gives memory back.
    v2: ["memory.max", "memory.high"],
    controller: "memory",
    v1: "memory.limit_in_bytes",
  });
  const bytes = [...v2, ...v1]
    .filter((text) => /^\d+$/.test(text))
    .map(Number)
    .filter((limit) => limit < NO_LIMIT);
  return bytes.length === 0 ? undefined : Math.min(...bytes);
}
