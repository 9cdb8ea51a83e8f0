// Upstream's native `Producer` class: what the JavaScript of @confluentinc/kafka-javascript calls.
// Every method runs on the JavaScript thread; what blocks runs as a job on a thread of its own.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>

#include "bridge.h"
#include "client.h"
#include "conf.h"
#include "napi.h"
#include "posts.h"
#include "reports.h"

namespace sidepost {

class Producer : public Napi::ObjectWrap<Producer> {
 public:
  static Napi::Function Define(Napi::Env env);
  explicit Producer(const Napi::CallbackInfo& info);
  ~Producer() override;

 private:
  // listeners.cc: who is called back
  Napi::Value ConfigureCallbacks(const Napi::CallbackInfo& info);

  // producer.cc: the life of a producer
  Napi::Value Connect(const Napi::CallbackInfo& info);
  Napi::Value Disconnect(const Napi::CallbackInfo& info);
  Napi::Value Name(const Napi::CallbackInfo& info);
  Napi::Value SetPartitioner(const Napi::CallbackInfo& info);

  // produce.cc: messages in, and what is in the queue
  Napi::Value Produce(const Napi::CallbackInfo& info);
  Napi::Value Queued(const Napi::CallbackInfo& info);
  Napi::Value QueueView(const Napi::CallbackInfo& info);
  Napi::Value ErrorText(const Napi::CallbackInfo& info);

  // post_calls.cc: whole bodies in
  Napi::Value ConfigureEvents(const Napi::CallbackInfo& info);
  Napi::Value ProduceEvent(const Napi::CallbackInfo& info);
  Napi::Value HandOverEvents(const Napi::CallbackInfo& info);
  void HandOver();
  void DeliverSoon();
  Destination ToClient();
  Napi::Value ProduceBatch(const Napi::CallbackInfo& info);
  Napi::Value CheckBatch(const Napi::CallbackInfo& info);
  Napi::Value BrokenAt(const Napi::CallbackInfo& info);
  Napi::Value Purge(const Napi::CallbackInfo& info);

  // events.cc: reports and events out
  Napi::Value Poll(const Napi::CallbackInfo& info);
  Napi::Value SetPollInBackground(const Napi::CallbackInfo& info);
  void OnWake(Napi::Env env);
  void Drain(Napi::Env env);
  void HandleEvent(Napi::Env env, rd_kafka_event_t* event);
  /// Books the reports of an event, and returns what they are of.
  Queue HandleReports(rd_kafka_event_t* event);
  void EmitLogs(Napi::Env env);
  void Emit(Napi::Env env, const char* type, Napi::Value data);
  static void OnThrottle(rd_kafka_t* handle, const char* broker, int32_t broker_id, int ms, void* bridge);

  // queries.cc: flush, metadata, offsets, credentials
  Napi::Value Flush(const Napi::CallbackInfo& info);
  Napi::Value WhenContacted(const Napi::CallbackInfo& info);
  Napi::Value GetMetadata(const Napi::CallbackInfo& info);
  Napi::Value QueryWatermarkOffsets(const Napi::CallbackInfo& info);
  Napi::Value SetSaslCredentials(const Napi::CallbackInfo& info);
  Napi::Value SetOAuthBearerToken(const Napi::CallbackInfo& info);
  Napi::Value SetOAuthBearerTokenFailure(const Napi::CallbackInfo& info);

  // transactions.cc
  Napi::Value InitTransactions(const Napi::CallbackInfo& info);
  Napi::Value BeginTransaction(const Napi::CallbackInfo& info);
  Napi::Value CommitTransaction(const Napi::CallbackInfo& info);
  Napi::Value AbortTransaction(const Napi::CallbackInfo& info);
  Napi::Value SendOffsetsToTransaction(const Napi::CallbackInfo& info);
  using TransactionCall = std::function<rd_kafka_error_t*(rd_kafka_t*)>;
  void RunTransactionCall(Napi::Function callback, TransactionCall call);

  /// Ends the conversation with JavaScript for good: at garbage collection or when the environment ends.
  void TearDown();
  static void OnEnvironmentEnd(void* producer);

  // renewal.cc, disk_calls.cc: our extension for events that outlive a client, and the process
  Napi::Value Renew(const Napi::CallbackInfo& info);
  void Reopen(Napi::Function callback);
  Napi::Value FailForTests(const Napi::CallbackInfo& info);
  Napi::Value Journal(const Napi::CallbackInfo& info);
  Napi::Value TakeChunks(const Napi::CallbackInfo& info);
  Napi::Value TakeSettled(const Napi::CallbackInfo& info);
  Napi::Value TakePartlySettled(const Napi::CallbackInfo& info);
  Napi::Value TakeRefused(const Napi::CallbackInfo& info);
  Napi::Value Spill(const Napi::CallbackInfo& info);
  Napi::Value Replay(const Napi::CallbackInfo& info);
  Napi::Value AddBehind(const Napi::CallbackInfo& info);
  Napi::Value DropChunks(const Napi::CallbackInfo& info);
  Napi::Value KnownTypes(const Napi::CallbackInfo& info);
  Napi::Value Postponed(const Napi::CallbackInfo& info);
  Napi::Value TryAgain(const Napi::CallbackInfo& info);
  Napi::Value Promise(const Napi::CallbackInfo& info);
  Napi::Value HashOf(const Napi::CallbackInfo& info);
  Napi::Value DiskStatus(const Napi::CallbackInfo& info);
  Napi::Value WentToDisk(const Napi::CallbackInfo& info);
  Napi::Value FindEvent(const Napi::CallbackInfo& info);

  bool connected() const { return client_ != nullptr; }
  /// Whether posts are taken: also while one client is replaced by another.
  bool CanTake() const { return connected() || renewing_; }
  /// Whether the client has failed for good, and what it says of its messages is not about them.
  bool HasFailed() const;
  /// Lets go of what was kept for messages whose reports will never come. Not from inside a listener.
  void ForgetMessages();
  /// Lets go of the listeners, which refer to upstream's object and through it to this one: neither would ever be
  /// collected. Upstream hands them over again with each connect.
  void ForgetListeners();
  /// Runs `work` on a thread of its own with a share of the client (null when not connected), then `report`, which
  /// `work` returns, here with the callback. `work` must not touch JavaScript, `report` must hold nothing of JavaScript's.
  using Report = std::function<void(Napi::Env, Napi::Function)>;
  void RunJob(Napi::Function callback, std::function<Report(std::shared_ptr<Client>)> work);
  /// A job during which messages must get their reports even without polling, or librdkafka never finishes it.
  void RunDrainingJob(Napi::Function callback, std::function<Report(std::shared_ptr<Client>)> work);
  void StartJob(Napi::Function callback, std::function<Report(std::shared_ptr<Client>)> work, bool draining);
  /// A connected producer, or one with a job under way, is kept from garbage collection and keeps the loop alive.
  void UpdateLiveness();
  bool EnsureBridge(Napi::Env env);

  struct Job {
    Napi::FunctionReference callback;
    bool draining;
  };

  Conf conf_;  // duplicated for each connect
  std::shared_ptr<Bridge> bridge_;
  std::shared_ptr<Client> client_;
  std::string name_;
  std::unordered_map<uint64_t, Job> jobs_;
  uint64_t next_job_ = 1;
  uint64_t connects_ = 0;
  uint64_t disconnects_ = 0;
  int draining_jobs_ = 0;
  bool poll_in_background_ = false;
  bool draining_ = false;  // inside Drain: a listener's poll() must not start another
  bool alive_ = false;     // see UpdateLiveness
  bool torn_down_ = false;
  bool renewing_ = false;
  std::unique_ptr<Reports> reports_;
  Napi::FunctionReference event_listener_;
  Napi::FunctionReference token_refresh_listener_;
  std::unordered_map<std::string, rd_kafka_topic_t*> topics_;  // handles of the connected client
  rd_kafka_topic_t* Topic(const std::string& name);
  void ForgetTopics();
  Queue queue_;
  Napi::Reference<Napi::Float64Array> queue_view_;  // its memory is queue_.view
  std::unique_ptr<Posts> posts_;
  Napi::Env env_;
};

}  // namespace sidepost
