// Reports and events on their way out: woken by librdkafka, drained on the JavaScript thread.
#include <cstdint>
#include <utility>

#include "producer.h"

namespace sidepost {

namespace {
// Messages drained in one go before the event loop gets its turn again: about 10 ms at 1 us each.
constexpr size_t kDrainBudget = 8192;

// librdkafka calls the throttle callback from inside the poll, without a word of whose poll it is.
thread_local Producer* polling_producer = nullptr;

// Slots are odd (reports.cc), entries of posts are addresses.
bool IsEntry(const void* carried) { return carried && (reinterpret_cast<uintptr_t>(carried) & 1) == 0; }
}  // namespace

Napi::Value Producer::Poll(const Napi::CallbackInfo& info) {
  if (!connected()) return Throw(info.Env(), "Producer is disconnected");
  if (!poll_in_background_) Drain(info.Env());
  return Napi::Boolean::New(info.Env(), true);
}

Napi::Value Producer::SetPollInBackground(const Napi::CallbackInfo& info) {
  if (!info[0].IsBoolean()) return Throw(info.Env(), "Need to specify a boolean for setting or unsetting");
  if (!connected()) return Throw(info.Env(), "Client is disconnected");
  poll_in_background_ = info[0].As<Napi::Boolean>();
  if (poll_in_background_) bridge_->Wake();
  return ErrorObject(info.Env(), RD_KAFKA_RESP_ERR_NO_ERROR);
}

void Producer::OnWake(Napi::Env env) {
  Napi::HandleScope scope(env);
  const Napi::Value self = Value();  // keeps this alive though a listener lets garbage be collected
  EmitLogs(env);
  if (connected() && (poll_in_background_ || draining_jobs_ > 0)) {
    Drain(env);
  } else if (connected() && client_->sasl_queue()) {
    // A token is needed to connect at all, so its refresh does not wait for anyone to poll.
    while (rd_kafka_event_t* event = rd_kafka_queue_poll(client_->sasl_queue(), 0)) HandleEvent(env, event);
  }
  if (posts_) posts_->DeliverFinished();
  for (Finished& finished : bridge_->TakeFinished()) {
    auto entry = jobs_.find(finished.job);
    if (entry == jobs_.end()) continue;
    Job job = std::move(entry->second);
    jobs_.erase(entry);
    if (job.draining) draining_jobs_--;
    Napi::HandleScope job_scope(env);
    finished.report(env, job.callback.Value());
    if (env.IsExceptionPending()) napi_fatal_exception(env, env.GetAndClearPendingException().Value());
    if (torn_down_) return;
  }
  UpdateLiveness();
}

void Producer::Drain(Napi::Env env) {
  if (draining_) return;
  draining_ = true;
  Producer* const outer = std::exchange(polling_producer, this);  // a listener may poll another producer
  std::shared_ptr<Client> client = client_;  // a listener may disconnect
  if (client->sasl_queue()) {
    while (rd_kafka_event_t* event = rd_kafka_queue_poll(client->sasl_queue(), 0)) HandleEvent(env, event);
  }
  size_t messages = 0;
  while (messages < kDrainBudget && client_ == client) {
    rd_kafka_event_t* event = rd_kafka_queue_poll(client->main_queue(), 0);
    if (!event) break;
    messages += rd_kafka_event_message_count(event);
    HandleEvent(env, event);
  }
  reports_->Deliver();
  if (posts_) posts_->DeliverFinished();
  if (messages > 0 && posts_ && posts_->HasHeld()) HandOver();  // there is room again
  draining_ = false;
  polling_producer = outer;
  if (messages >= kDrainBudget && !torn_down_) bridge_->Wake();
  if (client_ != client) Client::DestroyElsewhere(std::move(client));
}

void Producer::HandleEvent(Napi::Env env, rd_kafka_event_t* event) {
  Queue reported;
  switch (rd_kafka_event_type(event)) {
    case RD_KAFKA_EVENT_DR:
      reported = HandleReports(event);
      break;
    case RD_KAFKA_EVENT_ERROR: {
      auto error = Napi::Error::New(env, rd_kafka_err2str(rd_kafka_event_error(event)));
      error.Set("code", Napi::Number::New(env, rd_kafka_event_error(event)));
      if (rd_kafka_event_error_is_fatal(event)) error.Set("isFatal", Napi::Boolean::New(env, true));
      Emit(env, "error", error.Value());
      break;
    }
    case RD_KAFKA_EVENT_STATS: {
      auto data = Napi::Object::New(env);
      data.Set("message", rd_kafka_event_stats(event));
      Emit(env, "stats", data);
      break;
    }
    case RD_KAFKA_EVENT_OAUTHBEARER_TOKEN_REFRESH:
      if (!token_refresh_listener_.IsEmpty()) {
        const char* config = rd_kafka_event_config_string(event);
        token_refresh_listener_.Value().Call({Napi::String::New(env, config ? config : "")});
        if (env.IsExceptionPending()) napi_fatal_exception(env, env.GetAndClearPendingException().Value());
      }
      break;
    default:
      break;
  }
  rd_kafka_event_destroy(event);
  // Only now librdkafka has the room again; a listener that was called meanwhile may have filled what was left.
  queue_.Remove(reported);
  if (posts_) posts_->Release();
}

Queue Producer::HandleReports(rd_kafka_event_t* event) {
  Queue reported;
  if (posts_) posts_->ForgetChecks();
  while (const rd_kafka_message_t* message = rd_kafka_event_message_next(event)) {
    if (IsEntry(message->_private)) {
      posts_->Report(message, message->err && HasFailed(), reports_.get());
    } else {
      reported.Add(QueueBytes(message));
      reports_->Add(message);
      if (posts_) posts_->ForgetChecks();
    }
  }
  return reported;
}

void Producer::OnThrottle(rd_kafka_t*, const char* broker, int32_t broker_id, int ms, void*) {
  Producer* producer = polling_producer;
  if (!producer) return;
  const Napi::Env env = producer->env_;
  Napi::HandleScope scope(env);
  auto data = Napi::Object::New(env);
  data.Set("message", rd_kafka_err2str(RD_KAFKA_RESP_ERR_NO_ERROR));
  data.Set("throttleTime", Napi::Number::New(env, ms));
  data.Set("brokerName", broker);
  data.Set("brokerId", Napi::Number::New(env, broker_id));
  producer->Emit(env, "throttle", data);
}

void Producer::EmitLogs(Napi::Env env) {
  for (const LogLine& line : bridge_->TakeLogs()) {
    Napi::HandleScope scope(env);
    auto data = Napi::Object::New(env);
    data.Set("severity", Napi::Number::New(env, line.severity));
    data.Set("fac", line.facility);
    data.Set("message", line.message);
    data.Set("name", name_);
    Emit(env, "log", data);
  }
}

void Producer::Emit(Napi::Env env, const char* type, Napi::Value data) {
  if (event_listener_.IsEmpty()) return;
  Napi::HandleScope scope(env);
  event_listener_.Value().Call({Napi::String::New(env, type), data});
  if (env.IsExceptionPending()) napi_fatal_exception(env, env.GetAndClearPendingException().Value());
}

}  // namespace sidepost
