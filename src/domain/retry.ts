/** The longest wait before a retry, in milliseconds. */
export const MAX_BACKOFF_MS = 5000;

/**
 * Milliseconds to wait before an attempt, counted from 1: the first is made at once, the second after `base`, and the
 * wait doubles with each one up to `cap`. Without jitter: what is tried again here went through librdkafka, which spreads
 * its own retries and reconnects.
 */
export function backoff(attempt: number, base: number, cap = MAX_BACKOFF_MS): number {
  return attempt <= 1 ? 0 : Math.min(cap, base * 2 ** (attempt - 2));
}
