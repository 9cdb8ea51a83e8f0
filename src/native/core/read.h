// Reads members of the objects that JavaScript hands over. JavaScript thread only.
#pragma once
#include <string>
#include <vector>

#include "napi.h"

namespace sidepost {

// Each returns false with an Error pending where the value is of another kind, or the object's own exception where it
// threw. (node-addon-api ends the process where an empty value, or one of another kind, is used.)

inline bool Mistyped(Napi::Env env, const std::string& name, const char* kind) {
  Throw(env, name + " must be " + kind);
  return false;
}

inline bool Read(Napi::Env env, const Napi::Value& value, const std::string& name, std::string* to) {
  if (!value.IsString()) return Mistyped(env, name, "a string");
  *to = value.As<Napi::String>().Utf8Value();
  return true;
}

inline bool Read(Napi::Env env, const Napi::Value& value, const std::string& name, size_t* to) {
  if (!value.IsNumber()) return Mistyped(env, name, "a number");
  *to = static_cast<size_t>(value.As<Napi::Number>().Int64Value());
  return true;
}

inline bool Read(Napi::Env env, const Napi::Value& value, const std::string& name, bool* to) {
  if (!value.IsBoolean()) return Mistyped(env, name, "a boolean");
  *to = value.As<Napi::Boolean>();
  return true;
}

inline bool Read(Napi::Env env, const Napi::Value& value, const std::string& name, Napi::Object* to) {
  if (!value.IsObject()) return Mistyped(env, name, "an object");
  *to = value.As<Napi::Object>();
  return true;
}

template <typename T>
bool Read(Napi::Env env, const Napi::Value& value, const std::string& name, std::vector<T>* to) {
  if (!value.IsArray()) return Mistyped(env, name, "an array");
  const auto list = value.As<Napi::Array>();
  to->resize(list.Length());
  for (uint32_t i = 0; i < to->size(); i++) {
    if (!Read(env, list.Get(i), name + "[" + std::to_string(i) + "]", &(*to)[i])) return false;
  }
  return true;
}

template <typename T>
bool ReadMember(const Napi::Object& object, const char* name, T* to) {
  return Read(object.Env(), object.Get(name), name, to);
}

/// The same where the member may be absent: then `to` stays as it is.
template <typename T>
bool ReadOptional(const Napi::Object& object, const char* name, T* to) {
  const Napi::Value value = object.Get(name);
  return value.IsUndefined() && !value.IsEmpty() ? true : Read(object.Env(), value, name, to);
}

}  // namespace sidepost
