/** Says what happened, for people and machines. Never throws, and never waits for the reader. */
export interface Logger {
  debug(fields: LogFields, msg: string): void;
  info(fields: LogFields, msg: string): void;
  warn(fields: LogFields, msg: string): void;
  error(fields: LogFields, msg: string): void;
}

/** What a line carries beside its message. An Error goes under `err`. */
export type LogFields = Record<string, unknown>;
