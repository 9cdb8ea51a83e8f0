// The package's own entry loads its consumer, its admin client and its promise API as well: 2 MB that nobody here uses.
import { codes } from "@confluentinc/kafka-javascript/lib/error.js";
import Producer from "@confluentinc/kafka-javascript/lib/producer.js";
import { librdkafkaVersion, releaseCode } from "@confluentinc/kafka-javascript/librdkafka.js";

/** Upstream's `RdKafka`, as much of it as is used. */
export const Kafka = { Producer, ERRORS: codes, librdkafkaVersion, releaseCode };
