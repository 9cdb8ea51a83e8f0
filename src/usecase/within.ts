/** Milliseconds after which a disk has answered, or something is wrong with it. */
export const DISK_MS = 1000;

/** The promise's result, or a rejection where there is none after so many milliseconds. */
export async function within<T>(ms: number, promise: Promise<T>): Promise<T> {
  const { promise: over, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(reject, ms, new Error(`no answer within ${ms} ms`));
  return Promise.race([promise, over]).finally(() => clearTimeout(timer));
}

/** What a rejection says. */
export const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
