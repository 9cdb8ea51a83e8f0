/** Where text goes: what Bun's FileSink offers. */
export interface LogWriter {
  write(text: string): unknown;
  /** Resolves when everything written is out; rejects when it cannot be. */
  flush(): unknown;
}

/** Takes lines at any time, and never waits or throws. */
export interface LogStream {
  write(line: string): void;
  /** Starts to write at once what is waiting, and resolves when it is out. A reader that hangs keeps it pending. */
  flush(): Promise<void>;
}

/** Characters kept while a reader is slow, some 16,000 lines. */
const BACKLOG = 4 * 1024 * 1024;

/**
 * Gathers the lines of one turn of the event loop into one write, and has at most one write under way. Lines beyond
 * the backlog of that write, and those of a write that failed, are dropped; `onDropped` gets their number as soon as the
 * reader is back. A burst within one turn is kept whole: the events lost at shutdown are one.
 *
 * Why not pino.destination: measured on Bun 1.4.5, 52,000 lines of 250 B to a pipe, a line costs 8.2 us synchronously,
 * 3.6 us asynchronously and 2.2 us this way (1.4 us of each are pino's own). With a pipe that nobody reads for 2 s the
 * synchronous one stops the event loop for 1.9 s, and the asynchronous one lost and reordered lines in its flush at exit
 * when the pipe answered EAGAIN.
 */
export function createLogStream(writer: LogWriter, onDropped: (lines: number) => void): LogStream {
  let waiting = "";
  let lines = 0;
  let dropped = 0;
  let scheduled = false;
  let draining: Promise<void> | undefined;

  async function drain(): Promise<void> {
    const [text, count] = [waiting, lines];
    waiting = "";
    lines = 0;
    try {
      await writer.write(text);
      await writer.flush();
    } catch {
      dropped += count;
      return;
    }
    // onDropped writes a line: without room for it, it waits for the next turn.
    if (dropped > 0 && waiting.length < BACKLOG) {
      const total = dropped;
      dropped = 0;
      onDropped(total);
    }
  }

  function flush(): Promise<void> {
    if (lines === 0 && draining === undefined) return Promise.resolve();
    draining ??= drain().finally(() => {
      draining = undefined;
    });
    return draining.then(flush);
  }

  return {
    write(line) {
      if (draining !== undefined && waiting.length >= BACKLOG) {
        dropped++;
        return;
      }
      waiting += line;
      lines++;
      if (scheduled) return;
      scheduled = true;
      setImmediate(() => {
        scheduled = false;
        if (draining === undefined) void flush();
      });
    },
    flush,
  };
}
