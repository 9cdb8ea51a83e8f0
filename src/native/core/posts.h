// Posts as bytes: read, enveloped and produced without passing through JavaScript. The extension to upstream's API.
#pragma once
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "envelope.h"
#include "message.h"
#include "napi.h"
#include "scan.h"

namespace sidepost {

/// JavaScript thread only.
class Posts {
 public:
  /// `options`: {scan: what a valid event is (scan_binding.h), events: [{type, topic}] in the order of its types,
  /// source, binary: whether the CloudEvents attributes go into headers, maxMessages, maxBytes: librdkafka's queue}.
  Posts(Napi::Env env, Napi::Object options);

  /// Why nothing of a body was taken. Negative and outside librdkafka's codes, which share the return value.
  enum Refusal { kMalformed = -1001, kInvalid = -1002, kNoRoom = -1003 };

  using TopicOf = std::function<rd_kafka_topic_t*(const std::string&)>;

  /// False where the value is no index of an event type.
  bool ReadType(const Napi::Value& value, size_t* index) const {
    const int64_t number = value.IsNumber() ? value.As<Napi::Number>().Int64Value() : -1;
    *index = static_cast<size_t>(number);
    return number >= 0 && *index < types_.size();
  }

  /// Takes the one event that the body is, of the type of that index; `carried` comes back with its report. Returns its
  /// id, or a number: a Refusal or librdkafka's code. Nothing of the body is kept.
  Napi::Value ProduceOne(std::string_view body, size_t type, void* carried, rd_kafka_t* handle,
                         const TopicOf& topic_of);

  /// Takes all events of the body or none. Returns {ids, table}, or a number: a Refusal. `ids` is an array or a string
  /// with a line each; `table` is a Float64Array of five columns an event, in the body's order: error code (0:
  /// delivered, NaN: on its way), index of the event type, partition, offset, timestamp. `done` is called once, later,
  /// when nothing is on its way any more. Nothing of the body is kept.
  Napi::Value ProduceBatch(std::string_view body, bool ndjson, Napi::Function done, rd_kafka_t* handle,
                           const TopicOf& topic_of);

  /// Books one message's report. Called for messages of batches.
  void Report(const rd_kafka_message_t* message);
  bool HasFinished() const { return !finished_.empty(); }
  /// Calls `done` of every batch whose last report has come. It may call back into the producer.
  void DeliverFinished();
  /// The bytes of all values in the queue, whichever way they came; the Producer keeps count.
  size_t queued_bytes = 0;

  /// Drops batches whose reports will never come, since the client is gone.
  void Detach();

 private:
  struct Batch;
  struct Item {  // what librdkafka carries for a message: its address is even, so it cannot be taken for a slot
    Batch* batch;
    uint32_t index;
  };
  struct Batch {
    std::vector<Item> items;
    size_t missing;
    Napi::Reference<Napi::Float64Array> table;
    double* rows;
    Napi::FunctionReference done;
    std::list<std::unique_ptr<Batch>>::iterator place;
  };
  struct Type {
    std::string type;
    std::string topic;
    std::string middle;  // of the envelope
  };

  bool HasRoom(rd_kafka_t* handle, size_t events, size_t bytes) const;
  Napi::Value Ids();
  Batch* Open(size_t events, Napi::Function done);
  void EnqueueAll(Batch* batch, rd_kafka_t* handle, const TopicOf& topic_of);
  /// Appends the event's id to ids_.
  rd_kafka_resp_err_t Enqueue(const Scanner& scanner, const ScannedEvent& event, size_t type_index, const Moment& now,
                              void* carried, rd_kafka_t* handle, rd_kafka_topic_t* topic);
  std::string_view Value(const ScannedEvent& event, const Type& type, std::string_view id, std::string_view time);
  rd_kafka_headers_t* Headers(const Scanner& scanner, const ScannedEvent& event, const Type& type,
                              std::string_view id, std::string_view time);
  void Complete(Batch* batch);
  void Book(Item* item, rd_kafka_resp_err_t code, int32_t partition, int64_t offset, int64_t timestamp);

  Napi::Env env_;
  Scanner scanner_;      // of batches
  Scanner one_scanner_;  // of single posts, which name their type in the path and not in the body
  std::vector<Type> types_;
  std::string source_;
  bool binary_;
  size_t max_messages_;
  size_t max_bytes_;
  IdGenerator id_generator_;
  std::string ids_;  // of the post at hand, a line each
  std::vector<size_t> id_ends_;
  std::vector<char> value_;
  std::list<std::unique_ptr<Batch>> open_;
  std::vector<std::unique_ptr<Batch>> finished_;
};

}  // namespace sidepost
