import type { ReadFile } from "../config/settings.ts";

/** cgroup v1 says "no limit" by the largest number of whole pages, 9223372036854771712. No machine has an exbibyte. */
const NO_LIMIT = 2 ** 60;

/**
 * The memory that the container may take, in bytes: the least limit of this process's cgroup and of those that it lies
 * in; undefined where there is none. cgroup v2 and v1, and both at once. `readFile` throws for what does not exist.
 * https://docs.kernel.org/admin-guide/cgroup-v2.html and cgroup-v1/memory.html
 */
export function memoryLimit(readFile: ReadFile): number | undefined {
  const read = (path: string): string => {
    try {
      return readFile(path);
    } catch {
      return "";
    }
  };
  const limits = read("/proc/self/cgroup")
    .split("\n")
    .flatMap(limitFiles)
    .map((path) => read(path).trim())
    .filter((text) => /^\d+$/.test(text))
    .map(Number)
    .filter((bytes) => bytes < NO_LIMIT);
  return limits.length === 0 ? undefined : Math.min(...limits);
}

/**
 * Where a line of /proc/self/cgroup, `number:controllers:path`, has its limits. The folders above it count, too, and where
 * a container has no cgroup namespace the path is the host's, while its own folder is mounted as the root.
 */
function limitFiles(line: string): string[] {
  const [, controllers, path = ""] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
  if (controllers === undefined) return [];
  if (controllers === "")
    return foldersUpFrom(path).flatMap((folder) => [
      `/sys/fs/cgroup${folder}/memory.max`,
      // Above it the kernel slows the process down until it gives memory back.
      `/sys/fs/cgroup${folder}/memory.high`,
    ]);
  if (!controllers.split(",").includes("memory")) return [];
  return foldersUpFrom(path).map((folder) => `/sys/fs/cgroup/memory${folder}/memory.limit_in_bytes`);
}

/** "/a/b" gives "/a/b", "/a" and "". */
function foldersUpFrom(path: string): string[] {
  const names = path.split("/").filter((name) => name !== "");
  return Array.from({ length: names.length + 1 }, (_, up) =>
    names
      .slice(0, names.length - up)
      .map((name) => `/${name}`)
      .join(""),
  );
}
