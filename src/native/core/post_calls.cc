// Our extension: whole bodies in.
#include "bytes.h"
#include "producer.h"

namespace sidepost {

Napi::Value Producer::ConfigureEvents(const Napi::CallbackInfo& info) {
  if (!info[0].IsObject()) return Throw(info.Env(), "Need to specify what a valid event is");
  // Reports of batches under way point into the ones there are.
  if (posts_) return Throw(info.Env(), "configureEvents() was called already");
  if (!EnsureBridge(info.Env())) return Throw(info.Env(), "The environment is ending");
  PostOptions options;
  if (!ReadPostOptions(info[0].As<Napi::Object>(), &options)) return info.Env().Undefined();
  posts_ = std::make_unique<Posts>(info.Env(), std::move(options), &queue_);
  if (connected()) client_->Keep(posts_->memory());
  return info.Env().Undefined();
}

Napi::Value Producer::ProduceEvent(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!posts_) return Throw(env, "configureEvents() comes first");
  Bytes body;
  size_t type = 0;
  if (!body.Read(env, info[0], napi_object, false) || !posts_->ReadType(info[1], &type)) {
    return Throw(env, "Need to specify a body, the index of an event type, and an opaque");
  }
  if (!CanTake()) return Napi::Number::New(env, RD_KAFKA_RESP_ERR__STATE);
  void* carried = reports_->Keep(info[2]);
  const Napi::Value result = posts_->ProduceOne(body.text(), type, carried, info[3].ToBoolean(), ToClient());
  if (result.IsNumber() || posts_->went_to_disk) reports_->Release(carried);
  return result;
}

Destination Producer::ToClient() {
  return {connected() && !renewing_ ? client_->handle() : nullptr, [this](const std::string& name) { return Topic(name); }};
}

void Producer::HandOver() {
  if (!posts_ || !CanTake()) return;
  posts_->HandOver(ToClient(), reports_.get());
  DeliverSoon();
}

void Producer::DeliverSoon() {
  if (draining_) {
    bridge_->Wake();
  } else {
    reports_->Deliver();
  }
}

Napi::Value Producer::HandOverEvents(const Napi::CallbackInfo& info) {
  HandOver();
  return info.Env().Undefined();
}

Napi::Value Producer::ProduceBatch(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!posts_) return Throw(env, "configureEvents() comes first");
  Bytes body;
  if (!info[1].IsBoolean() || !info[2].IsFunction() || !body.Read(env, info[0], napi_object, false)) {
    return Throw(env, "Need to specify a body, whether it is NDJSON, and a callback");
  }
  if (!CanTake()) return Napi::Number::New(env, RD_KAFKA_RESP_ERR__STATE);
  HandOver();  // events of one key keep their order
  const Napi::Value result = posts_->ProduceBatch(
      {body.text(), info[1].As<Napi::Boolean>(), info[3].ToBoolean(), info[4].ToBoolean(), info[2].As<Napi::Function>()},
      ToClient());
  if (posts_->HasFinished()) bridge_->Wake();
  return result;
}

Napi::Value Producer::CheckBatch(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!posts_) return Throw(env, "configureEvents() comes first");
  Bytes body;
  if (!info[1].IsBoolean() || !body.Read(env, info[0], napi_object, false)) {
    return Throw(env, "Need to specify a body, and whether it is NDJSON");
  }
  return Napi::Number::New(env, posts_->CheckBatch(body.text(), info[1].As<Napi::Boolean>()));
}

Napi::Value Producer::BrokenAt(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), posts_ ? static_cast<double>(posts_->broken_at) : 0);
}

Napi::Value Producer::Purge(const Napi::CallbackInfo& info) {
  HandOver();  // so that what is given up is told in the order taken
  if (posts_) {
    posts_->Abandon(ToClient(), reports_.get());
    DeliverSoon();
    if (posts_->HasFinished()) bridge_->Wake();
  }
  if (!connected()) return Napi::Number::New(info.Env(), RD_KAFKA_RESP_ERR__STATE);
  // Non-blocking: the reports come as any others, with _PURGE_QUEUE or _PURGE_INFLIGHT.
  return Napi::Number::New(info.Env(), rd_kafka_purge(client_->handle(), RD_KAFKA_PURGE_F_QUEUE |
                                                                             RD_KAFKA_PURGE_F_INFLIGHT |
                                                                             RD_KAFKA_PURGE_F_NON_BLOCKING));
}

}  // namespace sidepost
