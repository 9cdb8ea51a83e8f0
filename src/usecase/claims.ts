import { hashesOf } from "../domain/id-hashes.ts";
import type { Chunk, KeyClaim } from "../domain/spool.ts";

/** A claim, and the 8-byte hashes of the ids of its events, one behind the other. */
export interface EventClaim extends KeyClaim {
  events: Uint8Array;
}

/**
 * The Idempotency-Keys whose events are under way. Each goes to disk in the commit of its events, whenever that is: so a
 * crash leaves both or none.
 */
export interface Claims {
  /** To be called in the turn of the event loop in which the events were taken. */
  add(claim: EventClaim): void;
  /** The key has an answer, or is free: it needs no claim any more. Whether one may be on disk, or on its way there. */
  end(key: string): boolean;
  /** Writes these chunks with the claims of which they have an event. Rejects where `write` does: the claims then stay. */
  writtenWith(
    chunks: readonly Pick<Chunk, "ids">[],
    write: (claims: KeyClaim[]) => Promise<void>,
  ): Promise<void>;
}

/** Knows no key at first. */
export function createClaims(): Claims {
  const underWay = new Map<string, EventClaim>();
  // Posts with several keys may give their events one id.
  const byEvent = new Map<bigint, readonly EventClaim[]>();
  const onDisk = new Set<string>();

  function drop(claim: EventClaim): void {
    if (underWay.get(claim.key) !== claim) return;
    underWay.delete(claim.key);
    for (const event of hashesOf(claim.events)) {
      const others = byEvent.get(event)?.filter((other) => other !== claim) ?? [];
      if (others.length > 0) byEvent.set(event, others);
      else byEvent.delete(event);
    }
  }

  /** Those of which an event is in these chunks. */
  function of(chunks: readonly Pick<Chunk, "ids">[]): EventClaim[] {
    if (byEvent.size === 0) return [];
    const found = new Set<EventClaim>();
    for (const { ids } of chunks)
      for (const event of hashesOf(ids)) for (const claim of byEvent.get(event) ?? []) found.add(claim);
    return [...found];
  }

  return {
    add(claim) {
      underWay.set(claim.key, claim);
      const alone = [claim];
      for (const event of hashesOf(claim.events)) {
        const others = byEvent.get(event);
        if (others?.at(-1) !== claim) byEvent.set(event, others === undefined ? alone : [...others, claim]);
      }
    },
    end(key) {
      const claim = underWay.get(key);
      if (claim !== undefined) drop(claim);
      return onDisk.delete(key);
    },
    async writtenWith(chunks, write) {
      const claims = of(chunks);
      for (const { key } of claims) onDisk.add(key);
      try {
        await write(claims.map(({ key, answer, at }) => ({ key, answer, at })));
      } catch (error) {
        for (const { key } of claims) onDisk.delete(key);
        throw error;
      }
      for (const claim of claims) drop(claim);
    },
  };
}
