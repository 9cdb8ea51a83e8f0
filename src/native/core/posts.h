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
#include "post_options.h"
#include "reports.h"
#include "scan.h"

namespace sidepost {

/// JavaScript thread only.
class Posts {
 public:
  /// `queue` is kept true here for what goes in, by the caller for what is reported.
  Posts(Napi::Env env, PostOptions options, Queue* queue);

  /// Why nothing of a body was taken. Negative and outside librdkafka's codes, which share the return value.
  /// `broken_at` tells where a malformed one breaks.
  enum Refusal { kMalformed = -1001, kInvalid = -1002, kNoRoom = -1003, kTooMuch = -1004 };

  using TopicOf = std::function<rd_kafka_topic_t*(const std::string&)>;

  /// False where the value is no index of an event type.
  bool ReadType(const Napi::Value& value, size_t* index) const {
    const int64_t number = value.IsNumber() ? value.As<Napi::Number>().Int64Value() : -1;
    *index = static_cast<size_t>(number);
    return number >= 0 && *index < types_.size();
  }

  /// Takes the one event that the body is, of the type of that index; `carried` comes back with its report. Returns its
  /// id, or a number: a Refusal or librdkafka's code. Nothing of the body is kept. The event is held until HandOver().
  Napi::Value ProduceOne(std::string_view body, size_t type, void* carried, rd_kafka_t* handle,
                         const TopicOf& topic_of);

  /// Gives librdkafka what ProduceOne() holds: all events of one turn of the event loop together, since each that comes
  /// alone wakes the broker's thread with two system calls (they were a third of a post's cost).
  void HandOver(rd_kafka_t* handle, Reports* reports);

  /// Takes all events of the body or none. Returns {ids, table}, or a number: a Refusal. `ids` is an array or a string
  /// with a line each; `table` is a Float64Array of five columns an event, in the body's order: error code (0:
  /// delivered, NaN: on its way), index of the event type, partition, offset, timestamp. `done` is called once, later,
  /// when nothing is on its way any more; where `receipts` are wanted and all were delivered it gets them as JSON, in a
  /// Buffer. Nothing of the body is kept.
  Napi::Value ProduceBatch(std::string_view body, bool ndjson, bool receipts, Napi::Function done, rd_kafka_t* handle,
                           const TopicOf& topic_of);

  /// Why ProduceBatch() would refuse the body even if the queue were empty: 0, or a Refusal. Nothing is taken.
  int CheckBatch(std::string_view body, bool ndjson);

  /// Books one message's report. Called for messages of batches.
  void Report(const rd_kafka_message_t* message);
  /// To be called before Report() whenever JavaScript may have run since.
  void ForgetChecks() { checked_ = nullptr; }
  bool HasFinished() const { return !finished_.empty(); }
  /// Calls `done` of every batch whose last report has come. It may call back into the producer.
  void DeliverFinished();
  /// The offset of the byte at which the last malformed body stopped being JSON.
  size_t broken_at = 0;

  ~Posts();
  /// Drops batches whose reports will never come, since the client is gone.
  void Detach();

 private:
  struct Batch;
  struct Item {  // what librdkafka carries for a message: its address is even, so it cannot be taken for a slot
    Batch* batch;
    uint32_t index;
    uint32_t type;
  };
  struct Batch {
    std::vector<Item> items;
    size_t missing;
    Napi::Reference<Napi::Float64Array> table;
    double* rows;  // by RowsOf() alone
    Napi::FunctionReference done;
    bool receipts;  // whether they are wanted; if so, the next two are filled
    std::string ids;
    std::vector<size_t> id_ends;
    std::list<std::unique_ptr<Batch>>::iterator place;
  };
  struct Type {
    std::string type;
    std::string topic;
    std::string middle;    // of the envelope
    size_t own_bytes = 0;  // of the queue, for an event whose id, time and data are empty
    size_t made_id = 0;    // the bytes of an id that is made, escaped
    bool refused = false;  // librdkafka refused the last event handed over: the next one is not held, but answered at once
  };
  struct Held {  // owns its value and headers until librdkafka has them
    size_t type;
    rd_kafka_topic_t* topic;
    char* value;
    size_t value_size;
    bool has_key;
    std::string key;
    rd_kafka_headers_t* headers;
    void* carried;
  };

  int Refused(const ScanResult& scan);
  /// Scans a batch and measures its events by QueueBound(). Returns 0 or a Refusal.
  int ScanBatch(std::string_view body, bool ndjson, size_t* bytes);
  bool HasRoom(size_t events, size_t bytes) const;
  /// No message that Compose() makes of the event takes more of Queue::bytes.
  size_t QueueBound(const ScannedEvent& event) const;
  /// The rows of a batch; null where there is no such memory any more, since JavaScript transferred the table's buffer.
  double* RowsOf(Batch* batch);
  Napi::Value Ids();
  Batch* Open(size_t events, Napi::Function done);
  /// The receipts of a batch as JSON; undefined where they are not wanted, or not all of it was delivered.
  Napi::Value Receipts(Batch* batch);
  void EnqueueAll(Batch* batch, rd_kafka_t* handle, const TopicOf& topic_of);
  /// The event as a message; its value and key are borrowed until the next one, its headers are the caller's. Appends its
  /// id to ids_.
  Message Compose(const Scanner& scanner, const ScannedEvent& event, size_t type_index, const Moment& now);
  rd_kafka_resp_err_t Enqueue(rd_kafka_t* handle, const Message& message);
  /// Takes an event alone: holds it, or enqueues it at once.
  rd_kafka_resp_err_t Take(size_t type, const Message& message, rd_kafka_t* handle);
  void Hold(size_t type, const Message& message);
  const Moment& Now();
  std::string_view Value(const ScannedEvent& event, const Type& type, std::string_view id, std::string_view time);
  rd_kafka_headers_t* Headers(const Scanner& scanner, const ScannedEvent& event, const Type& type,
                              std::string_view id, std::string_view time);
  void Complete(Batch* batch);
  void Book(Item* item, rd_kafka_resp_err_t code, int32_t partition, int64_t offset, int64_t timestamp);

  Napi::Env env_;
  Queue* queue_;
  Scanner scanner_;      // of batches
  Scanner one_scanner_;  // of single posts, which name their type in the path and not in the body
  std::vector<Type> types_;
  std::string source_;
  bool binary_;
  size_t max_messages_;
  size_t max_bytes_;
  size_t max_message_bytes_;
  std::vector<Held> held_;
  size_t taken_in_turn_ = 0;  // of the event loop: since the last HandOver
  bool lonely_ = true;        // the last turn brought one event at most: the next one need not wait for company
  IdGenerator id_generator_;
  Moment now_{};
  int64_t now_ms_ = -1;
  std::string ids_;  // of the post at hand, a line each
  std::vector<size_t> id_ends_;
  std::vector<char> value_;
  const Batch* checked_ = nullptr;  // its rows are known to be there until JavaScript runs again
  std::list<std::unique_ptr<Batch>> open_;
  std::vector<std::unique_ptr<Batch>> finished_;
};

}  // namespace sidepost
