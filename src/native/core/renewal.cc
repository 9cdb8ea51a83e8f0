// A client that has failed for good is replaced by a new one, which is given all that is not settled, in order.
#include <chrono>
#include <thread>
#include <utility>

#include "producer.h"

namespace sidepost {

namespace {

// For reports that are on their way; what has none by then is handed over again, and may come twice.
constexpr auto kLastReports = std::chrono::seconds(3);

}  // namespace

bool Producer::HasFailed() const {
  char reason[1];
  return renewing_ || (connected() && rd_kafka_fatal_error(client_->handle(), reason, sizeof reason) != 0);
}

Napi::Value Producer::Renew(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!info[0].IsFunction()) return Throw(env, "Need to specify a callback");
  if (!posts_ || !connected() || renewing_) return Throw(env, "Only a connected producer of posts can be renewed");
  HandOver();
  renewing_ = true;
  rd_kafka_purge(client_->handle(),
                 RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT | RD_KAFKA_PURGE_F_NON_BLOCKING);
  RunDrainingJob(info[0].As<Napi::Function>(), [this](std::shared_ptr<Client> client) -> Report {
    const auto deadline = std::chrono::steady_clock::now() + kLastReports;
    while (rd_kafka_outq_len(client->handle()) > 0 && !client->cancelled() &&
           std::chrono::steady_clock::now() < deadline) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return [this](Napi::Env, Napi::Function callback) { Reopen(callback); };
  });
  return env.Undefined();
}

void Producer::Reopen(Napi::Function callback) {
  if (!connected()) {  // disconnected meanwhile
    renewing_ = false;
    callback.Call({ErrorObject(callback.Env(), RD_KAFKA_RESP_ERR__STATE)});
    return;
  }
  ForgetTopics();
  client_->StopEvents();
  const bool polled = std::exchange(poll_in_background_, false);
  auto old = std::make_shared<std::shared_ptr<Client>>(std::exchange(client_, nullptr));
  auto conf = std::shared_ptr<rd_kafka_conf_t>(rd_kafka_conf_dup(conf_.get()), [](rd_kafka_conf_t*) {});
  rd_kafka_conf_set_throttle_cb(conf.get(), OnThrottle);
  RunJob(callback, [this, old, conf, polled, bridge = bridge_, begun = disconnects_](std::shared_ptr<Client>) -> Report {
    old->reset();  // from here on nobody borrows the entries' bytes
    std::string error;
    std::shared_ptr<Client> client = Client::Create(Conf(conf.get()), bridge, &error);
    return [this, client, error, polled, begun](Napi::Env env, Napi::Function callback) {
      renewing_ = false;
      if (!client || disconnects_ != begun || connected()) {
        if (client) Client::DestroyElsewhere(client);
        callback.Call({ErrorObject(env, RD_KAFKA_RESP_ERR__STATE, error)});
        return;
      }
      client_ = client;
      client_->Keep(posts_->memory());
      name_ = rd_kafka_name(client->handle());
      poll_in_background_ = polled;
      posts_->Renew();
      HandOver();
      UpdateLiveness();
      bridge_->Wake();
      callback.Call({env.Null()});
    };
  });
}

Napi::Value Producer::FailForTests(const Napi::CallbackInfo& info) {
  if (!connected()) return Throw(info.Env(), "Producer is disconnected");
  return Napi::Number::New(info.Env(), rd_kafka_test_fatal_error(client_->handle(),
                                                                 RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER,
                                                                 "a failure that a test asked for"));
}

}  // namespace sidepost
