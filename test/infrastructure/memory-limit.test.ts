import { expect, test } from "bun:test";
import { cgroupLimits } from "../../src/infrastructure/cgroup.ts";
import { memoryLimit } from "../../src/infrastructure/memory-limit.ts";
import { readerOf } from "../helpers/cgroup.ts";

const MIB = 1024 ** 2;
const V2 = "/sys/fs/cgroup";
const V1 = "/sys/fs/cgroup/memory";
const NONE_IN_V1 = "9223372036854771712\n";

const MACHINES: [what: string, files: Record<string, string>, limit: number | undefined][] = [
  ["no cgroups at all, as on macOS", {}, undefined],
  [
    "v2, in a container with a namespace",
    { "/proc/self/cgroup": "0::/\n", [`${V2}/memory.max`]: "268435456\n" },
    256 * MIB,
  ],
  ["v2, no limit", { "/proc/self/cgroup": "0::/\n", [`${V2}/memory.max`]: "max\n" }, undefined],
  [
    "v2, the limit of a folder above",
    {
      "/proc/self/cgroup": "0::/kubepods.slice/pod1/app\n",
      [`${V2}/kubepods.slice/pod1/app/memory.max`]: "max\n",
      [`${V2}/kubepods.slice/pod1/memory.max`]: `${512 * MIB}\n`,
      [`${V2}/kubepods.slice/memory.max`]: `${4096 * MIB}\n`,
    },
    512 * MIB,
  ],
  [
    "v2, slowed down before the limit",
    {
      "/proc/self/cgroup": "0::/a\n",
      [`${V2}/a/memory.max`]: `${512 * MIB}\n`,
      [`${V2}/a/memory.high`]: `${400 * MIB}\n`,
    },
    400 * MIB,
  ],
  [
    "v1, without a namespace: the host's path, and the container's folder as the root",
    {
      "/proc/self/cgroup": "5:cpu,cpuacct:/docker/1f\n4:memory:/docker/1f\n",
      [`${V1}/memory.limit_in_bytes`]: `${128 * MIB}\n`,
    },
    128 * MIB,
  ],
  [
    "v1, nested, each with a limit",
    {
      "/proc/self/cgroup": "4:memory:/a/b\n",
      [`${V1}/a/b/memory.limit_in_bytes`]: `${300 * MIB}\n`,
      [`${V1}/a/memory.limit_in_bytes`]: `${200 * MIB}\n`,
      [`${V1}/memory.limit_in_bytes`]: NONE_IN_V1,
    },
    200 * MIB,
  ],
  [
    "v1, the number that stands for none",
    { "/proc/self/cgroup": "4:memory:/\n", [`${V1}/memory.limit_in_bytes`]: NONE_IN_V1 },
    undefined,
  ],
  [
    "both at once: memory in v1, the rest in v2",
    {
      "/proc/self/cgroup": "4:memory:/a\n1:cpu:/a\n0::/\n",
      [`${V1}/a/memory.limit_in_bytes`]: `${64 * MIB}\n`,
      [`${V2}/a/memory.max`]: "1\n",
    },
    64 * MIB,
  ],
  ["a path with a colon", { "/proc/self/cgroup": "0::/a:b\n", [`${V2}/a:b/memory.max`]: "4096\n" }, 4096],
  ["a file that is no number", { "/proc/self/cgroup": "0::/\n", [`${V2}/memory.max`]: "?\n" }, undefined],
];

test.each(MACHINES)("%s", (_, files, limit) => {
  expect(memoryLimit(cgroupLimits(readerOf(files)))).toBe(limit);
});
