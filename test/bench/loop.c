// The least that a producer can cost: librdkafka called from one plain loop.
// loop TOPIC COUNT SIZE PROPERTY=VALUE…; prints {"seconds": …} from the first message to the last report.
#include "rdkafka.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static long reported;

static void on_report(rd_kafka_t *producer, const rd_kafka_message_t *message, void *opaque) {
  (void)producer;
  (void)opaque;
  if (message->err) {
    fprintf(stderr, "not delivered: %s\n", rd_kafka_err2str(message->err));
    exit(1);
  }
  reported++;
}

static rd_kafka_t *connect_producer(int count, char **properties) {
  char error[512];
  rd_kafka_conf_t *conf = rd_kafka_conf_new();
  for (int i = 0; i < count; i++) {
    char *value = strchr(properties[i], '=');
    *value++ = '\0';
    if (rd_kafka_conf_set(conf, properties[i], value, error, sizeof error) != RD_KAFKA_CONF_OK) {
      fprintf(stderr, "%s\n", error);
      exit(2);
    }
  }
  rd_kafka_conf_set_dr_msg_cb(conf, on_report);
  return rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof error);
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec + time.tv_nsec / 1e9;
}

int main(int argc, char **argv) {
  if (argc < 5) return 2;
  long count = atol(argv[2]);
  size_t size = strtoul(argv[3], NULL, 10);
  rd_kafka_t *producer = connect_producer(argc - 4, argv + 4);
  rd_kafka_topic_t *topic = rd_kafka_topic_new(producer, argv[1], NULL);
  const struct rd_kafka_metadata *metadata;
  if (rd_kafka_metadata(producer, 0, topic, &metadata, 10000)) return 1;
  rd_kafka_metadata_destroy(metadata);
  char *value = malloc(size);
  memset(value, 'x', size);

  double started = now();
  for (long sent = 0; sent < count;) {
    if (rd_kafka_produce(topic, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, value, size, NULL, 0, NULL) == 0) {
      sent++;
      rd_kafka_poll(producer, 0);
    } else {
      rd_kafka_poll(producer, 1);  // the queue is full
    }
  }
  while (reported < count) rd_kafka_poll(producer, 100);
  printf("{\"seconds\": %.6f}\n", now() - started);

  free(value);
  rd_kafka_topic_destroy(topic);
  rd_kafka_destroy(producer);
  return 0;
}
