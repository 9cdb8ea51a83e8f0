// The functions that JavaScript has called back: of reports, events and tokens.
#include "producer.h"

namespace sidepost {

namespace {

/// The functions among an object's members, by name.
template <typename Use>
bool EachFunction(const Napi::Value& holder, Use use) {
  if (!holder.IsObject()) return true;
  const auto object = holder.As<Napi::Object>();
  const Napi::Array names = object.GetPropertyNames();
  for (uint32_t i = 0; i < names.Length(); i++) {
    const Napi::Value name = names[i];
    const Napi::Value value = object.Get(name);
    if (value.IsFunction() && !use(name.As<Napi::String>().Utf8Value(), value.As<Napi::Function>())) return false;
  }
  return true;
}

}  // namespace

Napi::Value Producer::ConfigureCallbacks(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!info[0].IsBoolean() || !info[1].IsObject()) return Throw(env, "Need to specify a callbacks object");
  const bool add = info[0].As<Napi::Boolean>();
  const auto callbacks = info[1].As<Napi::Object>();
  if (!EnsureBridge(env)) return Throw(env, "Cannot open a thread-safe function");

  const bool known = EachFunction(callbacks.Get("global"), [&](const std::string& name, Napi::Function callback) {
    if (name == "oauthbearer_token_refresh_cb") {
      if (add) {
        token_refresh_listener_ = Napi::Persistent(callback);
      } else {
        token_refresh_listener_.Reset();
      }
      return true;
    }
    return name == "rebalance_cb" || name == "offset_commit_cb";  // a consumer's: upstream takes them, none is called
  });
  const bool known_topic =
      EachFunction(callbacks.Get("topic"), [](const std::string&, Napi::Function) { return false; });
  if (!known || !known_topic) return Throw(env, "Invalid callback type");

  EachFunction(callbacks.Get("event"), [&](const std::string& name, Napi::Function callback) {
    if (name == "event_cb") {
      if (add) {
        event_listener_ = Napi::Persistent(callback);
      } else {
        event_listener_.Reset();
      }
    } else if (name == "delivery_cb") {
      if (add) {
        reports_->SetListener(callback, callback.Get("dr_msg_cb").ToBoolean());
      } else {
        reports_->ClearListener();
      }
    }
    return true;
  });
  return Napi::Boolean::New(env, true);
}

void Producer::ForgetListeners() {
  reports_->ClearListener();
  event_listener_.Reset();
  token_refresh_listener_.Reset();
}

}  // namespace sidepost
