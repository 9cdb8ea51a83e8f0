import type { ReadFile } from "../config/settings.ts";

/** The limit files of this process's control groups: their texts, trimmed; files that do not exist are left out. */
export type ReadLimits = (place: LimitFiles) => { v2: string[]; v1: string[] };

/** What a limit is called: the files of cgroup v2, and the controller and file of v1. */
export interface LimitFiles {
  v2: string[];
  controller: string;
  v1: string;
}

/**
 * Reads limits of this process's cgroup and of those that it lies in. cgroup v2 and v1, and both at once.
 * `readFile` throws for what does not exist.
 * https://docs.kernel.org/admin-guide/cgroup-v2.html and cgroup-v1/
 */
export function cgroupLimits(readFile: ReadFile): ReadLimits {
  const read = (path: string): string[] => {
    try {
      return [readFile(path)];
    } catch {
      return [];
    }
  };
  const lines = read("/proc/self/cgroup").flatMap((text) => text.split("\n"));
  return ({ v2, controller, v1 }) => ({
    v2: foldersOf(lines, "").flatMap((folder) =>
      v2.flatMap((file) => read(`/sys/fs/cgroup${folder}/${file}`).map((text) => text.trim())),
    ),
    v1: foldersOf(lines, controller).flatMap((folder) =>
      read(`/sys/fs/cgroup/${controller}${folder}/${v1}`).map((text) => text.trim()),
    ),
  });
}

/**
 * The folders of a controller by the lines of /proc/self/cgroup, `number:controllers:path`; v2 has no controllers there. The
 * folders above it count, too, and where a container has no cgroup namespace the path is the host's, while its own folder
 * is mounted as the root.
 */
function foldersOf(lines: string[], controller: string): string[] {
  return lines.flatMap((line) => {
    const [, controllers, path = ""] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    return controllers?.split(",").includes(controller) ? foldersUpFrom(path) : [];
  });
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
