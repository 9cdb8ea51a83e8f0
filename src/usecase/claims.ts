import type { KeyClaim } from "../domain/spool.ts";

/**
 * The Idempotency-Keys whose events are under way. Each goes to disk in the commit of its events, whenever that is: so a
 * crash leaves both or none.
 */
export interface Claims {
  /** To be called in the turn of the event loop in which the events were taken. */
  add(claim: KeyClaim): void;
  /** The key has an answer, or is free: it needs no claim any more. */
  end(key: string): void;
  /** Those that have not been given away yet. */
  take(): KeyClaim[];
  /** All of memory is written, or written again: so are all claims. */
  again(): void;
}

/** Knows no key at first. */
export function createClaims(): Claims {
  const underWay = new Map<string, KeyClaim>();
  let fresh = new Map<string, KeyClaim>();

  return {
    add(claim) {
      underWay.set(claim.key, claim);
      fresh.set(claim.key, claim);
    },
    end(key) {
      underWay.delete(key);
      fresh.delete(key);
    },
    take() {
      const taken = [...fresh.values()];
      fresh = new Map();
      return taken;
    },
    again() {
      fresh = new Map(underWay);
    },
  };
}
