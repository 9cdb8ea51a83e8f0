import { setInterval } from "node:timers/promises";

/** A topic whose growth is counted: what was answered with success must be there, and nothing else. */
export interface Topic {
  bootstrap: string;
  name: string;
}

/** The broker drops what topics need not retain every few seconds, not every five minutes. */
export const BROKER = {
  properties: { "log.retention.check.interval.ms": "5000", "log.initial.task.delay.ms": "5000" },
};

/** Topics are kept small, so that long runs do not fill the disk. */
export const RETENTION = {
  "segment.bytes": `${64 << 20}`,
  "retention.bytes": `${256 << 20}`,
  "file.delete.delay.ms": "1000",
};

/** Milliseconds for Kafka to take what the client still holds after a load. */
const SETTLING = 20_000;

/** The next offset of the topic's only partition. Throws when the broker does not say. */
export async function endOffset({ bootstrap, name }: Topic): Promise<number> {
  const output = await Bun.$`kcat -b ${bootstrap} -Q -t ${name}:0:-1`.quiet().text();
  const offset = /offset (\d+)/.exec(output)?.[1];
  if (offset === undefined) throw new Error(`kcat told no offset of ${name}: ${output}`);
  return Number(offset);
}

/** Waits until the topic has grown to `expected`; throws when it stays short of it or has grown beyond. */
export async function expectEnd(topic: Topic, expected: number): Promise<void> {
  const deadline = performance.now() + SETTLING;
  for await (const _ of setInterval(20)) {
    const end = await endOffset(topic);
    if (end === expected) return;
    if (end > expected || performance.now() > deadline) {
      throw new Error(`Kafka should have ${expected} events by the answers, and has ${end}`);
    }
  }
}
