// Delivery reports on their way to JavaScript: gathered in a table, handed over in one call.
#pragma once
#include <string>
#include <unordered_map>
#include <vector>

#include "message.h"
#include "napi.h"

namespace sidepost {

/// JavaScript thread only.
class Reports {
 public:
  explicit Reports(Napi::Env env);

  /// `listener` gets (error code or null, report) for each; `with_value` adds the message's value to the report.
  void SetListener(Napi::Function listener, bool with_value);
  void ClearListener();

  /// Keeps `opaque` until the message's report. Returns what librdkafka carries for it.
  void* Keep(Napi::Value opaque);
  /// Lets go of what Keep kept, for a message that was not taken after all.
  void Release(void* carried);

  /// Lets go of everything: the client that carried it is gone. Not from inside a listener.
  void Forget();

  /// Adds the report of a message that librdkafka did not take after all.
  void AddRefused(const Message& message, rd_kafka_resp_err_t code, int64_t offset);
  /// Adds the report of a post, with what its poster gave to be carried.
  void AddPosted(const rd_kafka_message_t* message, void* carried, int code, int64_t offset);
  /// Adds one message's report; calls the listener when the table is full.
  void Add(const rd_kafka_message_t* message);
  /// Calls the listener for everything gathered. It may call back into the producer.
  void Deliver();

 private:
  void AddRow(const Message& message, int code, int64_t offset, int64_t timestamp);
  /// Where the bytes now lie in the pool; -1 for none.
  double Pooled(const void* bytes, size_t size);
  uint32_t TopicIndex(rd_kafka_topic_t* topic);
  void OpenTable();
  Napi::Value Pool();

  Napi::Env env_;
  Napi::FunctionReference listener_;
  bool with_value_ = false;
  Napi::FunctionReference deliver_;             // reports.js
  Napi::Reference<Napi::Float64Array> table_;   // empty while its rows are read; its memory does not move
  double* rows_ = nullptr;
  size_t count_ = 0;
  std::vector<char> pool_;                      // the gathered keys and values
  Napi::Reference<Napi::Array> slots_;          // opaque values by slot; primitives too, which references refuse
  std::vector<uint32_t> free_slots_;
  std::vector<uint32_t> used_slots_;            // of the gathered rows: free after the listener saw them
  uint32_t next_slot_ = 0;
  Napi::Reference<Napi::Array> topics_;
  std::unordered_map<rd_kafka_topic_t*, uint32_t> topic_indexes_;
  rd_kafka_topic_t* last_topic_ = nullptr;
  uint32_t last_topic_index_ = 0;
};

/// The listener's function that reports.js defines. JavaScript thread.
Napi::Function LoadDeliver(Napi::Env env);

}  // namespace sidepost
