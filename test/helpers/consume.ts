import * as v from "valibot";

/** A record as Kafka holds it. Bytes are as they were written; null and empty are different things. */
export interface ConsumedRecord {
  topic: string;
  partition: number;
  offset: number;
  /** Milliseconds since the epoch. */
  timestamp: number;
  key: Buffer | null;
  value: Buffer | null;
  /** In their order; a name may repeat. */
  headers: [name: string, value: Buffer | null][];
}

export interface ConsumeOptions {
  /** Waits until there are so many. Without it: what the topic holds now. */
  count?: number;
  timeoutMs?: number;
}

/**
 * Reads a topic from its beginning with kcat, a consumer that is not ours; sorted by partition and offset.
 * Uncommitted and aborted transactions are left out. Throws if `count` records did not come in time.
 */
export async function consume(
  bootstrap: string,
  topic: string,
  { count, timeoutMs = 15_000 }: ConsumeOptions = {},
): Promise<ConsumedRecord[]> {
  const until = count === undefined ? ["-e"] : ["-c", String(count)];
  const command = ["kcat", "-C", "-b", bootstrap, "-t", topic, "-o", "beginning", "-q", "-J", "-u"];
  const soon = ["-X", "fetch.wait.max.ms=10"]; // The end of a partition is known only when a fetch comes back empty.
  const kcat = Bun.spawn([...command, ...soon, ...until], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    timeout: timeoutMs,
    killSignal: "SIGKILL",
  });
  const [output, errors] = await Promise.all([kcat.stdout.bytes(), kcat.stderr.text()]);
  const records = parse(output);
  if ((await kcat.exited) !== 0) {
    throw new Error(`kcat read ${records.length} records of ${topic} in at most ${timeoutMs} ms. ${errors}`);
  }
  return records.toSorted((a, b) => a.partition - b.partition || a.offset - b.offset);
}

const KcatLine = v.object({
  topic: v.string(),
  partition: v.number(),
  offset: v.number(),
  ts: v.number(),
  key: v.nullable(v.string()),
  payload: v.nullable(v.string()),
  headers: v.optional(v.array(v.nullable(v.string())), []),
});

/** kcat escapes what JSON must escape and writes every other byte as it is: a Latin-1 reading keeps them all. */
function parse(output: Uint8Array): ConsumedRecord[] {
  const lines = Buffer.from(output).toString("latin1").split("\n").slice(0, -1);
  return lines.map((line) => {
    const { topic, partition, offset, ts, key, payload, headers } = v.parse(KcatLine, JSON.parse(line));
    return {
      topic,
      partition,
      offset,
      timestamp: ts,
      key: bytes(key),
      value: bytes(payload),
      headers: pairs(headers),
    };
  });
}

const bytes = (text: string | null): Buffer | null => (text === null ? null : Buffer.from(text, "latin1"));

/** kcat lists names and values in turn. */
function pairs(list: (string | null)[]): [string, Buffer | null][] {
  const names = list.filter((_, index) => index % 2 === 0);
  return names.map((name, index) => [String(bytes(name)), bytes(list[2 * index + 1] ?? null)]);
}
