/** A change to one place of librdkafka's sources. */
export interface Patch {
  file: string;
  why: string;
  find: string;
  replace: string;
}
