import { existsSync, readFileSync } from "node:fs";
import type { Container, Pod } from "./pods.ts";

/** Of a container, in bytes. */
export interface Memory {
  limit: number;
  /** Without what the kernel keeps of files. */
  resident: number;
  /** How often the limit was met; the kernel then takes back what it can, and kills only where that is not enough. */
  timesAtLimit: number;
}

const V1 = "/sys/fs/cgroup/memory";
/** The kubelet's folders, by quality of service; other Pods come and go in them. */
const CLASSES = ["", "/burstable", "/besteffort"];

/** What the kernel counts for a container that runs. */
export function memoryOf(pod: Pod, container: Container): Memory {
  const folder = folderOf(pod, container);
  const read = (name: string) => readFileSync(`${folder}/${name}`, "utf8");
  return {
    limit: Number(read("memory.limit_in_bytes")),
    resident: Number(/^total_rss (\d+)/m.exec(read("memory.stat"))?.[1]),
    timesAtLimit: Number(read("memory.failcnt")),
  };
}

/**
 * Lets a container run out of its memory by a process that eats what is left. The kernel kills the container's own
 * first, as the kubelet has arranged it (oom_score_adj), and the other one next. Resolves when both are gone.
 */
export async function exhaustMemory(pod: Pod, container: Container): Promise<void> {
  const enter = `echo $$ > ${folderOf(pod, container)}/cgroup.procs && exec tail /dev/zero`;
  await Bun.spawn(["sh", "-c", enter], { stdio: ["ignore", "ignore", "ignore"] }).exited;
}

function folderOf({ metadata }: Pod, { name, containerID = "" }: Container): string {
  const id = containerID.replace("containerd://", "");
  const folders = CLASSES.map((of) => `${V1}/kubepods${of}/pod${metadata.uid}/${id}`);
  const folder = folders.find((path) => existsSync(path));
  if (folder === undefined)
    throw new Error(`${name} of ${metadata.name} has no cgroup: ${folders.join(", ")}`);
  return folder;
}
