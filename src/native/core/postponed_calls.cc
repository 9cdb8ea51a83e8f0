// Our extension for events that Kafka turns down for what may pass: what JavaScript sees and does of them.
#include "producer.h"
#include "read.h"

namespace sidepost {

Napi::Value Producer::Postponed(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  auto list = Napi::Array::New(env);
  if (!posts_) return list;
  uint32_t index = 0;
  for (const auto& [topic, postponed] : posts_->postponed()) {
    if (postponed.entries == 0) continue;
    auto listed = Napi::Object::New(env);
    listed.Set("topic", topic);
    listed.Set("events", Napi::Number::New(env, static_cast<double>(postponed.entries)));
    listed.Set("code", Napi::Number::New(env, postponed.code));
    list.Set(index++, listed);
  }
  return list;
}

Napi::Value Producer::TryAgain(const Napi::CallbackInfo& info) {
  if (!info[0].IsNumber()) return Throw(info.Env(), "Need to specify milliseconds");
  if (posts_) posts_->TryAgain(static_cast<uint32_t>(IntegerOf(info[0])));
  HandOver();
  return info.Env().Undefined();
}

Napi::Value Producer::Promise(const Napi::CallbackInfo& info) {
  std::vector<std::string> ids;
  if (posts_ && Read(info.Env(), info[0], "ids", &ids)) posts_->Promise(ids);
  return info.Env().Undefined();
}

}  // namespace sidepost
