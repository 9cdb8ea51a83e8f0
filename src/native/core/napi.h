// The one place that includes Node-API, so that every file agrees on its settings.
#pragma once
#ifndef NAPI_DISABLE_CPP_EXCEPTIONS
#define NAPI_DISABLE_CPP_EXCEPTIONS
#endif
// In a worker that is being terminated nothing can be thrown any more, and that is no reason to end the process.
#define NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS
#define NAPI_VERSION 9
#include <napi.h>
#include <rdkafka.h>

#include <string>

namespace sidepost {

/// `{message, code}`: the shape upstream's LibrdKafkaError.create() reads. JavaScript thread only.
inline Napi::Object ErrorObject(Napi::Env env, rd_kafka_resp_err_t code, const std::string& message = {}) {
  auto error = Napi::Object::New(env);
  error.Set("message", message.empty() ? std::string(rd_kafka_err2str(code)) : message);
  error.Set("code", Napi::Number::New(env, code));
  return error;
}

/// Leaves a pending `Error(message)`, or the exception that is pending already; the caller returns at once, with what
/// this returns. JavaScript thread only.
inline Napi::Value Throw(Napi::Env env, const std::string& message) {
  if (!env.IsExceptionPending()) Napi::Error::New(env, message).ThrowAsJavaScriptException();
  return env.Undefined();
}

// A conversion may run JavaScript and throw; a value read from an object is empty where a getter threw. node-addon-api
// ends the process when such an empty value is used, so these two answer "" and 0 and leave the exception pending.

inline std::string TextOf(const Napi::Value& value) {
  if (value.IsEmpty()) return {};
  const Napi::String text = value.ToString();
  return text.IsEmpty() ? std::string() : text.Utf8Value();
}

inline int64_t IntegerOf(const Napi::Value& value) {
  if (value.IsEmpty()) return 0;
  const Napi::Number number = value.ToNumber();
  return number.IsEmpty() ? 0 : number.Int64Value();
}

/// Throws `{message, code}` itself, as upstream does where its JavaScript expects a code.
inline Napi::Value ThrowObject(Napi::Env env, const Napi::Object& error) {
  napi_throw(env, error);
  return env.Undefined();
}

}  // namespace sidepost
