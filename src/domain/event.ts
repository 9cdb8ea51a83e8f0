/** An event as the domain knows it: checked, named, and ready to become one Kafka record. */
export interface Event {
  /** Unique: `<type>_<yyyymmddhhmmss>_<suffix>`, or what the caller chose. */
  id: string;
  type: string;
  topic: string;
  /** RFC 3339 in UTC: when the event happened. */
  time: string;
  /** The payload, already JSON text. */
  data: string;
  /** Decides the partition; events of one key stay in order. */
  key?: string;
  headers?: Record<string, string>;
}

/** A name that may be posted to, the event type it stands for, and the topic its records go to. */
export interface EventType {
  name: string;
  type: string;
  topic: string;
}

/** What becomes a Kafka record: bytes for librdkafka, nothing left to decide. */
export interface EventRecord {
  id: string;
  type: string;
  topic: string;
  key: string | null;
  value: Uint8Array;
  headers: RecordHeader[];
}

/** One record header, as upstream's client takes them: a single-member object, so that names may repeat. */
export type RecordHeader = Record<string, string>;
