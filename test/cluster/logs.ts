import { closeSync, openSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** A line that a container wrote. */
export interface LogEntry {
  pod: string;
  container: string;
  /** How often the container had been restarted before. */
  restart: number;
  /** When the container runtime got it: milliseconds since the epoch. */
  at: number;
  text: string;
  /** Its fields, where it is a JSON object. */
  fields: Record<string, unknown>;
}

/** What the Pods of a namespace write. */
export interface Logs extends Disposable {
  /** Every line so far, in the order of time; of all containers where none is named. */
  read(container?: string): LogEntry[];
}

const POLL_MS = 100;

/**
 * Opens each log file below the kubelet's folder as soon as it is there, and keeps it open: the kubelet removes it with its Pod,
 * and it is the last words that are of interest.
 */
export function collectLogs(folder: string, namespace: string): Logs {
  const open = new Map<string, number>();
  const look = () => {
    for (const pod of entries(folder).filter((name) => name.startsWith(`${namespace}_`)))
      for (const container of entries(join(folder, pod)))
        for (const file of entries(join(folder, pod, container))) {
          const path = join(pod, container, file);
          if (!open.has(path)) open.set(path, openSync(join(folder, path), "r"));
        }
  };
  const timer = setInterval(look, POLL_MS);
  return {
    read(wanted) {
      look();
      const lines = [...open].flatMap(([path, fd]) => {
        const [pod = "", container = "", file = ""] = path.split("/");
        if (wanted !== undefined && wanted !== container) return [];
        const place = { pod: pod.split("_")[1] ?? "", container, restart: Number.parseInt(file) };
        return parse(readFileSync(`/proc/self/fd/${fd}`, "utf8")).map((line) => Object.assign(line, place));
      });
      return lines.toSorted((a, b) => a.at - b.at);
    },
    [Symbol.dispose]() {
      clearInterval(timer);
      for (const fd of open.values()) closeSync(fd);
    },
  };
}

/** The names in a folder; none where it has gone. */
function entries(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** The format of the container runtime interface: time, stream, F or P for a part of a line, text. */
function parse(log: string): Pick<LogEntry, "at" | "text" | "fields">[] {
  const lines: Pick<LogEntry, "at" | "text" | "fields">[] = [];
  let begun = "";
  for (const line of log.split("\n").slice(0, -1)) {
    const [, time = "", kind, rest = ""] = /^(\S+) \S+ ([FP])\S* (.*)$/.exec(line) ?? [];
    begun += rest;
    if (kind !== "F") continue;
    lines.push({ at: Date.parse(time), text: begun, fields: fieldsOf(begun) });
    begun = "";
  }
  return lines;
}

function fieldsOf(text: string): Record<string, unknown> {
  try {
    return text.startsWith("{") ? JSON.parse(text) : {};
  } catch {
    return {};
  }
}
