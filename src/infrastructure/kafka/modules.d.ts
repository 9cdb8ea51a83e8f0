declare module "@confluentinc/kafka-javascript/lib/producer.js" {
  import { RdKafka } from "@confluentinc/kafka-javascript";
  export default RdKafka.Producer;
}

declare module "@confluentinc/kafka-javascript/lib/error.js" {
  import { RdKafka } from "@confluentinc/kafka-javascript";
  export const codes: typeof RdKafka.CODES.ERRORS;
}

declare module "@confluentinc/kafka-javascript/librdkafka.js" {
  export const librdkafkaVersion: string;
  /** Our own (src/native/core/pages.h). */
  export function releaseCode(): number;
}
