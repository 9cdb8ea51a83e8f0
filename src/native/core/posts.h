// Posts as bytes: read, enveloped and produced without passing through JavaScript. The extension to upstream's API.
#pragma once
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "envelope.h"
#include "journal.h"
#include "ledger.h"
#include "message.h"
#include "napi.h"
#include "post_options.h"
#include "recent.h"
#include "reports.h"
#include "scan.h"

namespace sidepost {

/// Where events go to: a client, or null while there is none, and its topics by name.
struct Destination {
  rd_kafka_t* handle;
  std::function<rd_kafka_topic_t*(const std::string&)> topic_of;
};

/// JavaScript thread only.
class Posts {
 public:
  /// `queue` is kept true.
  Posts(Napi::Env env, PostOptions options, Queue* queue);

  /// Why nothing of a body was taken. Negative and outside librdkafka's codes, which share the return value.
  /// `broken_at` tells where a malformed one breaks.
  enum Refusal { kMalformed = -1001, kInvalid = -1002, kNoRoom = -1003, kTooMuch = -1004 };

  /// False where the value is no index of an event type.
  bool ReadType(const Napi::Value& value, size_t* index) const {
    const int64_t number = value.IsNumber() ? value.As<Napi::Number>().Int64Value() : -1;
    *index = static_cast<size_t>(number);
    return number >= 0 && *index < configured_types_;
  }

  /// Takes the one event that the body is, of the type of that index; `carried` comes back with its report, unless
  /// `went_to_disk` says that there will be none. `promised`: its poster will hear no more of it. Returns its id, or a
  /// number: a Refusal or librdkafka's code. Nothing of the body is kept. The event is held until HandOver().
  Napi::Value ProduceOne(std::string_view body, size_t type, void* carried, bool promised, const Destination& to);

  /// Gives librdkafka what is held: all events of one turn of the event loop together, since each that comes alone wakes
  /// the broker's thread with two system calls (they were a third of a post's cost).
  void HandOver(const Destination& to, Reports* reports);

  bool HasHeld() const { return !held_.empty(); }

  // postponed.cc: events that Kafka turned down for what may pass
  struct Postponed {
    size_t entries = 0;
    uint32_t denied_ms = 0;  // since the last delivery to the topic; not while no broker was there to ask
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;
  };
  /// By topic.
  const std::unordered_map<std::string, Postponed>& postponed() const { return postponed_; }
  /// What is postponed is held again, before all that came later, and goes with the next HandOver(). `denied_ms`: how long
  /// a broker could have told of the topics since the last time.
  void TryAgain(uint32_t denied_ms);
  /// The posters of these events, who waited, have been told that they are on their way.
  void Promise(const std::vector<std::string>& ids);

  /// Takes all events of the body or none. Returns {ids, table}, or a number: a Refusal or librdkafka's code. `ids` is an array or a string
  /// with a line each; `table` is a Float64Array of five columns an event, in the body's order: error code (0:
  /// delivered, NaN: on its way, kStored), index of the event type, partition, offset, timestamp. `done` is called once,
  /// later, when nothing is on its way any more; where `receipts` are wanted and all were delivered it gets them as JSON,
  /// in a Buffer. Nothing of the body is kept.
  struct BatchPost {
    std::string_view body;
    bool ndjson;
    bool receipts;
    bool promised;
    Napi::Function done;
  };
  Napi::Value ProduceBatch(const BatchPost& post, const Destination& to);
  /// Whether what was taken last is on disk alone.
  bool went_to_disk = false;

  /// Why ProduceBatch() would refuse the body even if the queue were empty: 0, or a Refusal. Nothing is taken.
  int CheckBatch(std::string_view body, bool ndjson);

  // settling.cc (and batches.cc): what becomes of events
  /// Books one message's report. To be called for messages of entries; Release() after it.
  void Report(const rd_kafka_message_t* message, bool client_failed, Reports* reports);
  /// Frees what Report() has settled. librdkafka must have let go of it.
  void Release();
  /// To be called before Report() whenever JavaScript may have run since.
  void ForgetChecks() { checked_ = nullptr; }
  bool HasFinished() const { return !finished_.empty(); }
  /// Calls `done` of every batch whose last report has come. It may call back into the producer.
  void DeliverFinished();
  /// The offset of the byte at which the last malformed body stopped being JSON.
  size_t broken_at = 0;

  /// Drops what will get no report any more, since the client is gone.
  void Detach();
  /// The client is gone, and another takes its place: all that is not settled is to be handed over again, in order.
  void Renew();
  /// From now on what fails is given up, or left to the disk where it is there; what no client has is, at once.
  void Abandon(const Destination& to, Reports* reports);
  /// To be kept as long as any client that was given events lives.
  std::shared_ptr<void> memory() const { return ledger_; }

  // disk.cc: the spool's side
  Journal journal;
  /// Whether what is taken from now on goes into the journal.
  void Write(bool on);
  /// Every event in memory that is not on disk yet goes into the journal, a part with each TakeChunks().
  void Spill();
  bool spilling() const { return spill_ != nullptr; }
  /// Journal::Take(), and the next part of what is spilled.
  std::vector<Chunk> TakeChunks();
  /// These chunks could not be written: their events are in memory alone, or nowhere; `keys` are of the latter.
  void DropChunks(const std::unordered_set<uint64_t>& numbers, std::string_view keys);
  /// Takes the records of a chunk as events of their own, all or none: false where they are none. `outcomes`: of those
  /// that are settled already, as TakePartlySettled() told them; or empty.
  bool Replay(std::string_view records, uint64_t number, std::string_view outcomes);
  /// Milliseconds since the oldest event that is not settled was taken; 0 for none.
  uint32_t Age() const { return ledger_->Age(); }
  struct RefusedRecord {
    uint64_t id_hash;
    int code;
    std::string record;
  };
  /// Promised events that Kafka refused for good while the journal was on.
  std::vector<RefusedRecord> TakeRefused() { return std::exchange(refused_, {}); }
  /// {status, …} of a recent event, or undefined.
  Napi::Value Find(std::string_view id) const;
  const std::string& TopicOf(uint16_t type) const { return types_[type].topic; }
  const std::string& TypeOf(uint16_t type) const { return types_[type].type; }
  size_t types() const { return types_.size(); }

 private:
  struct Batch {
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
    size_t own_bytes = 0;  // of an event whose id, time and data are empty
    size_t made_id = 0;    // the bytes of an id that is made
    bool refused = false;  // librdkafka refused the last event handed over: the next one is not held, but answered at once
  };

  static constexpr size_t kTypeInBody = static_cast<size_t>(-1);
  static constexpr std::string_view kContentType = "content-type";
  static constexpr std::string_view kStructured = "application/cloudevents+json; charset=UTF-8";

  static Batch* BatchOf(const Entry& entry) {
    return (reinterpret_cast<uintptr_t>(entry.carried) & 1) == 0 ? static_cast<Batch*>(entry.carried) : nullptr;
  }
  int Refused(const ScanResult& scan);
  bool HasRoom(size_t events, size_t bytes) const;
  /// The events of the body at hand in memory of their own, not taken yet. Appends their ids to ids_.
  Body* Compose(const Scanner& scanner, size_t one_type);
  /// No event takes more bytes.
  size_t Bound(const Scanner& scanner, const ScannedEvent& event, const Type& type) const;
  char* Compose(const Scanner& scanner, const ScannedEvent& event, uint32_t type, const Moment& now, Entry* entry,
                char* to);
  char* PutHeaders(const Scanner& scanner, const ScannedEvent& event, const Type& type, std::string_view id,
                   std::string_view time, Entry* entry, char* to);
  Record RecordOf(const Entry& entry) const;
  static char* Refill(const Record& record, Entry* entry, char* to);
  /// Librdkafka's code for an entry that it would refuse.
  rd_kafka_resp_err_t Check(const Entry& entry) const;
  rd_kafka_resp_err_t Send(Entry* entry, const Destination& to);
  /// Send(), but behind what is postponed of its topic, or postponed itself.
  rd_kafka_resp_err_t SendInTurn(Entry* entry, const Destination& to);
  /// Whether an entry that is turned down with this code is to be tried again.
  bool IsToPostpone(const Entry& entry, rd_kafka_resp_err_t code) const;
  void Postpone(Entry* entry, rd_kafka_resp_err_t code);
  /// What is postponed of the type's topic; null where there is nothing.
  const Postponed* AheadOf(uint16_t type) const;
  /// Why the type's topic takes no new posts: what was promised waits until brokers know it.
  rd_kafka_resp_err_t Denial(uint16_t type) const;
  rd_kafka_resp_err_t Denial(Body* body) const;
  void HoldPostponed();
  bool IsHalfFull() const { return queue_->Held() > max_bytes_ / 2; }
  /// The topic takes events.
  void Passed(const std::string& topic);
  /// The end of an entry that no client has.
  void Fail(Entry* entry, int code, const Destination& to, Reports* reports);
  uint32_t TypeFor(const Record& record);
  /// Appends the body, and writes it to the journal where that is on.
  void Take(Body* taken);
  /// Writes the body to the journal alone, and drops it.
  void TakeToDisk(Body* taken);
  bool MustGoToDisk(Body* taken) const;
  uint32_t KeyOf(const Entry& entry) const;
  /// The end of an entry: its batch, the journal, the table of recent ones.
  void Settle(Entry* entry, const Outcome& outcome);
  /// Returns the bytes that went into the journal.
  size_t SpillNext();
  size_t SpillDropped(Entry* first);
  size_t SpillOne(Entry* entry);
  void ForgetDropped(uint64_t number);
  void KeepRefused(const Entry& entry, int code);

  /// The rows of a batch; null where there is no such memory any more, since JavaScript transferred the table's buffer.
  double* RowsOf(Batch* batch);
  Napi::Value Ids();
  void EnqueueAll(Batch* batch, Body* taken, bool promised, const Destination& to);
  void BookStored(Batch* batch, Body* taken);
  Batch* Open(size_t events, Napi::Function done);
  /// The receipts of a batch as JSON; undefined where they are not wanted, or not all of it was delivered.
  Napi::Value Receipts(Batch* batch);
  const Moment& Now();
  void Complete(Batch* batch);
  void Book(Batch* batch, uint32_t index, const Outcome& outcome);

  Napi::Env env_;
  Scanner scanner_;      // of batches
  Scanner one_scanner_;  // of single posts, which name their type in the path and not in the body
  std::vector<Type> types_;  // those configured, and behind them those that were replayed
  size_t configured_types_ = 0;
  std::string source_;
  bool binary_;
  size_t max_messages_;
  size_t max_bytes_;
  size_t max_message_bytes_;
  bool renewable_;
  uint32_t patience_;
  Queue* queue_;
  Recent recent_;
  std::shared_ptr<Ledger> ledger_;
  Entry* spill_ = nullptr;  // the next one to look at
  bool spill_ended_ = true;   // none was broken off
  uint64_t spill_passed_ = 0;  // the highest number of a chunk that it has come by
  std::unordered_map<uint64_t, uint32_t> dropped_;  // events in memory of each chunk that could not be written
  std::deque<Entry*> held_;  // taken, not handed over, in order
  std::vector<Entry*> kept_;  // reported by a client that had failed
  std::vector<Entry*> settled_;
  bool abandoning_ = false;
  std::unordered_map<std::string, Postponed> postponed_;
  std::vector<RefusedRecord> refused_;
  size_t taken_in_turn_ = 0;  // of the event loop: since the last HandOver
  bool lonely_ = true;        // the last turn brought one event at most: the next one need not wait for company
  IdGenerator id_generator_;
  Moment now_{};
  int64_t now_ms_ = -1;
  std::string ids_;  // of the post at hand, a line each
  std::vector<size_t> id_ends_;
  std::vector<char> rendered_;
  const Batch* checked_ = nullptr;  // its rows are known to be there until JavaScript runs again
  std::list<std::unique_ptr<Batch>> open_;
  std::vector<std::unique_ptr<Batch>> finished_;
};

}  // namespace sidepost
