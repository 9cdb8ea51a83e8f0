// One librdkafka client and the queues its events come through.
#pragma once
#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "bridge.h"
#include "conf.h"

namespace sidepost {

/// Owns the rd_kafka_t. Held by shared_ptr: by the Producer while it is connected, and by every thread with a
/// blocking call under way; whoever lets go last destroys the client, so no call ever meets a freed one.
class Client {
 public:
  /// Takes the configuration. Null with `*error` set where librdkafka refuses it. Any thread (blocks for
  /// milliseconds: it may read certificates).
  static std::shared_ptr<Client> Create(Conf conf, std::shared_ptr<Bridge> bridge, std::string* error);
  /// Stops librdkafka's threads. Messages not delivered by now are dropped without a report. Any thread.
  ~Client();
  /// Lets go of a share on a thread of its own, since letting go of the last one blocks. Any thread.
  static void DestroyElsewhere(std::shared_ptr<Client> client);
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  rd_kafka_t* handle() const { return handle_; }
  rd_kafka_queue_t* main_queue() const { return main_queue_; }
  /// The queue of OAUTHBEARER refresh requests; null for other mechanisms.
  rd_kafka_queue_t* sasl_queue() const { return sasl_queue_; }

  /// Ends blocking calls early: they look between two slices of their time. Any thread.
  void Cancel() { cancelled_ = true; }
  bool cancelled() const { return cancelled_; }
  /// Keeps memory that the client borrows until it is destroyed.
  void Keep(std::shared_ptr<void> memory) { kept_ = std::move(memory); }

  /// After it nothing in the queues wakes JavaScript any more. JavaScript thread.
  void StopEvents();

 private:
  Client() = default;

  rd_kafka_t* handle_ = nullptr;
  rd_kafka_queue_t* main_queue_ = nullptr;
  rd_kafka_queue_t* sasl_queue_ = nullptr;
  std::shared_ptr<Bridge> bridge_;
  std::atomic<bool> cancelled_{false};
  std::shared_ptr<void> kept_;
};

}  // namespace sidepost
