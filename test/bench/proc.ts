import { readdir, readFile } from "node:fs/promises";

/** CPU time of a process since its start, in microseconds, and the parts of it that tell threads apart. */
export interface Cpu {
  all: number;
  /** The main thread, which runs JavaScript. */
  javascript: number;
  /** librdkafka's threads: it names each `rdk:…`. */
  librdkafka: number;
}

/** Microseconds of one tick of the clocks in /proc: USER_HZ is 100 on every Linux. */
const TICK = 10_000;

/** The CPU time of a process and its living threads, to 10 ms. Throws when the process is gone. */
export async function cpuOf(pid: number): Promise<Cpu> {
  const tids = await readdir(`/proc/${pid}/task`);
  const threads = await Promise.all(tids.map((tid) => stat(`/proc/${pid}/task/${tid}/stat`)));
  const kafka = threads.filter(({ name }) => name.startsWith("rdk:"));
  return {
    all: (await stat(`/proc/${pid}/stat`)).cpu,
    javascript: threads[tids.indexOf(`${pid}`)]?.cpu ?? 0,
    librdkafka: kafka.reduce((total, { cpu }) => total + cpu, 0),
  };
}

/** Resident memory of a process, now and at its highest, in MB (1e6 bytes). */
export async function memoryOf(pid: number): Promise<{ resident: number; peak: number }> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  const megabytes = (field: string) =>
    (Number(new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(status)?.[1]) * 1024) / 1e6;
  return { resident: megabytes("VmRSS"), peak: megabytes("VmHWM") };
}

/** Name and CPU time from a stat file: proc_pid_stat(5), fields 2, 14 and 15. */
async function stat(path: string): Promise<{ name: string; cpu: number }> {
  const text = await readFile(path, "utf8");
  const end = text.lastIndexOf(")");
  const fields = text.slice(end + 2).split(" ");
  return {
    name: text.slice(text.indexOf("(") + 1, end),
    cpu: (Number(fields[11]) + Number(fields[12])) * TICK,
  };
}
