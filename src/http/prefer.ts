import type { Wait } from "../usecase/publish.ts";

/** What a request asks for, and how to say that it was heard. */
export interface Preference {
  wait: Wait;
  applied: Record<string, string> | undefined;
}

/**
 * Reads RFC 7240's `respond-async` and `wait=N` (seconds; N may only shorten `longest`, in milliseconds). Of both,
 * respond-async decides. What is not understood is ignored, as the RFC asks.
 */
export function readPrefer(header: string | null, byDefault: Wait, longest: number): Preference {
  if (header === null) return { wait: byDefault, applied: undefined };
  if (header === "respond-async") return ASYNC;
  const preferences = header.split(",").map((preference) => preference.trim().toLowerCase());
  if (preferences.includes("respond-async")) return ASYNC;
  const wait = preferences.map((preference) => /^wait\s*=\s*"?(\d+)"?$/.exec(preference)?.[1]).find(Boolean);
  if (wait === undefined) return { wait: byDefault, applied: undefined };
  const ms = Math.min(Number(wait) * 1000, longest);
  return { wait: ms, applied: applied(`wait=${Math.floor(ms / 1000)}`) };
}

/** One object, by which an answer knows it. */
export const RESPOND_ASYNC = { "preference-applied": "respond-async" };
const ASYNC: Preference = { wait: "no", applied: RESPOND_ASYNC };

const applied = (preference: string) => ({ "preference-applied": preference });
