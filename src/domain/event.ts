/** A name that may be posted to, the event type it stands for, and the topic its records go to. */
export interface EventType {
  name: string;
  type: string;
  topic: string;
}

/** A member of a posted event: `kind` says how it is read, the bounds count bytes of its UTF-8. */
export interface EventMember {
  name: "type" | "data" | "key" | "headers" | "id" | "time";
  kind: "type" | "data" | "key" | "headers" | "id" | "time";
  required: boolean;
  minBytes?: number;
  maxBytes?: number;
}

/**
 * What a valid event is, for whoever reads events: the native scanner, which decides, and the schema that explains its
 * refusals. A single post has no `type`: its path names it.
 */
export const EVENT_MEMBERS = {
  type: { name: "type", kind: "type", required: true },
  data: { name: "data", kind: "data", required: true },
  key: { name: "key", kind: "key", required: false, maxBytes: 32_768 },
  headers: { name: "headers", kind: "headers", required: false },
  id: { name: "id", kind: "id", required: false, minBytes: 1, maxBytes: 256 },
  time: { name: "time", kind: "time", required: false },
} as const satisfies Record<string, EventMember>;

/** The most headers of one event. */
export const MAX_HEADERS = 100;

/**
 * Header names that CloudEvents gives a meaning, and that a post could forge an event's attributes with: by their
 * beginning, and by the whole, whatever their case. In lower case.
 */
export const RESERVED_HEADERS = { prefix: "ce_", names: ["content-type"] };
