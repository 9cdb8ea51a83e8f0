import { expect, test } from "bun:test";
import { cgroupLimits } from "../../src/infrastructure/cgroup.ts";
import { cpuLimit } from "../../src/infrastructure/cpu-limit.ts";
import { readerOf } from "../helpers/cgroup.ts";

const V2 = "/sys/fs/cgroup";
const V1 = "/sys/fs/cgroup/cpu";
const CORES = 8;

const MACHINES: [what: string, files: Record<string, string>, cores: number][] = [
  ["no cgroups at all, as on macOS", {}, CORES],
  ["v2, half a core", { "/proc/self/cgroup": "0::/\n", [`${V2}/cpu.max`]: "50000 100000\n" }, 0.5],
  ["v2, no limit", { "/proc/self/cgroup": "0::/\n", [`${V2}/cpu.max`]: "max 100000\n" }, CORES],
  [
    "v2, the limit of a folder above",
    {
      "/proc/self/cgroup": "0::/pod1/app\n",
      [`${V2}/pod1/app/cpu.max`]: "300000 100000\n",
      [`${V2}/pod1/cpu.max`]: "200000 100000\n",
    },
    2,
  ],
  [
    "v2, more than the machine has",
    { "/proc/self/cgroup": "0::/\n", [`${V2}/cpu.max`]: "9000000 100000\n" },
    CORES,
  ],
  [
    "v1, without a namespace: the host's path, and the container's folder as the root",
    {
      "/proc/self/cgroup": "5:cpu,cpuacct:/docker/1f\n4:memory:/docker/1f\n",
      [`${V1}/cpu.cfs_quota_us`]: "150000\n",
      [`${V1}/cpu.cfs_period_us`]: "100000\n",
    },
    1.5,
  ],
  [
    "v1, no limit",
    {
      "/proc/self/cgroup": "4:cpu:/\n",
      [`${V1}/cpu.cfs_quota_us`]: "-1\n",
      [`${V1}/cpu.cfs_period_us`]: "100000\n",
    },
    CORES,
  ],
  ["a file that is no number", { "/proc/self/cgroup": "0::/\n", [`${V2}/cpu.max`]: "?\n" }, CORES],
];

test.each(MACHINES)("%s", (_, files, cores) => {
  expect(cpuLimit(cgroupLimits(readerOf(files)), CORES)).toBe(cores);
});
