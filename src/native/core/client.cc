#include "client.h"

#include <thread>
#include <utility>

namespace sidepost {

namespace {

// librdkafka calls it from any of its threads, at times with the queue's lock held: it may only wake.
void OnQueueFilled(rd_kafka_t*, void* bridge) { static_cast<Bridge*>(bridge)->Wake(); }

void OnLog(const rd_kafka_t* handle, int severity, const char* facility, const char* message) {
  auto* bridge = static_cast<Bridge*>(rd_kafka_opaque(handle));
  if (bridge) bridge->Log({severity, facility, message});
}

}  // namespace

std::shared_ptr<Client> Client::Create(Conf conf, std::shared_ptr<Bridge> bridge, std::string* error) {
  const bool oauthbearer = ConfGet(conf.get(), "sasl.mechanisms") == "OAUTHBEARER";
  // With a built-in way to fetch tokens librdkafka refreshes them on a thread of its own.
  const bool builtin_refresh = oauthbearer && ConfGet(conf.get(), "sasl.oauthbearer.method") != "default";
  int events = RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR | RD_KAFKA_EVENT_STATS;
  if (oauthbearer && !builtin_refresh) {
    events |= RD_KAFKA_EVENT_OAUTHBEARER_TOKEN_REFRESH;
    rd_kafka_conf_enable_sasl_queue(conf.get(), 1);
  }
  rd_kafka_conf_set_events(conf.get(), events);
  rd_kafka_conf_set_opaque(conf.get(), bridge.get());
  rd_kafka_conf_set_log_cb(conf.get(), OnLog);

  char reason[512];
  std::shared_ptr<Client> client(new Client());
  client->bridge_ = std::move(bridge);
  client->handle_ = rd_kafka_new(RD_KAFKA_PRODUCER, conf.get(), reason, sizeof reason);
  if (!client->handle_) {
    *error = reason;
    return nullptr;
  }
  (void)conf.release();  // now the client's
  client->main_queue_ = rd_kafka_queue_get_main(client->handle_);
  rd_kafka_queue_cb_event_enable(client->main_queue_, OnQueueFilled, client->bridge_.get());
  if (oauthbearer && !builtin_refresh) {
    client->sasl_queue_ = rd_kafka_queue_get_sasl(client->handle_);
    if (client->sasl_queue_) {
      rd_kafka_queue_cb_event_enable(client->sasl_queue_, OnQueueFilled, client->bridge_.get());
    }
  }
  client->bridge_->Wake();  // for what came before the queues were watched
  return client;
}

void Client::StopEvents() {
  if (main_queue_) rd_kafka_queue_cb_event_enable(main_queue_, nullptr, nullptr);
  if (sasl_queue_) rd_kafka_queue_cb_event_enable(sasl_queue_, nullptr, nullptr);
}

void Client::DestroyElsewhere(std::shared_ptr<Client> client) {
  std::thread([client = std::move(client)] {}).detach();
}

Client::~Client() {
  if (!handle_) return;
  StopEvents();
  if (sasl_queue_) rd_kafka_queue_destroy(sasl_queue_);
  rd_kafka_queue_destroy(main_queue_);
  rd_kafka_destroy(handle_);
}

}  // namespace sidepost
