// One message on its way into librdkafka's queue.
#pragma once
#include <cstdint>

#include "napi.h"

namespace sidepost {

/// Everything is borrowed until Enqueue returns: librdkafka copies the key, and the value unless it is `lent`.
struct Message {
  rd_kafka_topic_t* topic = nullptr;
  int32_t partition = RD_KAFKA_PARTITION_UA;
  const void* value = nullptr;  // null is a tombstone, "" with size 0 an empty value
  size_t value_size = 0;
  const void* key = nullptr;
  size_t key_size = 0;
  int64_t timestamp = 0;                   // 0: now
  rd_kafka_headers_t* headers = nullptr;   // librdkafka's once Enqueue succeeded, the caller's otherwise
  bool lent = false;                       // value stays where it is until the message's report
  void* carried = nullptr;                 // comes back with the report
};

/// What is taken and not reported, whichever way it came, and what it takes of memory. rd_kafka_outq_len() counts the
/// client's own events, too. JavaScript thread.
struct Queue {
  size_t messages = 0;
  size_t bytes = 0;
  /// The same for JavaScript, which reads it without a call: messages, bytes, the bytes removed since the start, and the
  /// bytes that JavaScript itself holds beside the queue, which it writes. Null until it is asked for.
  double* view = nullptr;

  void Add(size_t message_bytes) {
    messages++;
    bytes += message_bytes;
    Show();
  }

  void Add(const Queue& taken) {
    messages += taken.messages;
    bytes += taken.bytes;
    Show();
  }

  void Remove(const Queue& gone) {
    messages -= gone.messages;
    bytes -= gone.bytes;
    if (view) view[2] += static_cast<double>(gone.bytes);
    Show();
  }

  /// All that counts against the bound.
  size_t Held() const { return bytes + (view ? static_cast<size_t>(view[3]) : 0); }

  void Show() {
    if (!view) return;
    view[0] = static_cast<double>(messages);
    view[1] = static_cast<double>(bytes);
  }
};

/// What a header takes of memory beside its name and value.
constexpr size_t kHeaderMemory = 64;

/// What a message takes of memory beside that and its value and key. Measured as resident memory of the service with
/// up to 1.7 million events queued: 830 bytes in batches, with their tables and ids in JavaScript, 600 for single posts.
constexpr size_t kMessageMemory = 832;

/// The names and values of all headers, and `overhead` for each. Null has none.
size_t HeaderBytes(const rd_kafka_headers_t* headers, size_t overhead);

/// What a message takes of Queue::bytes: all of its memory. The same before it is taken and in its report.
size_t QueueBytes(const Message& message);
size_t QueueBytes(const rd_kafka_message_t* reported);

/// Never blocks: RD_KAFKA_RESP_ERR__QUEUE_FULL where there is no room. Any thread.
rd_kafka_resp_err_t Enqueue(rd_kafka_t* handle, const Message& message);

}  // namespace sidepost
