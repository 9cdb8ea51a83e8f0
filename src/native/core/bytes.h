// What JavaScript hands over as bytes. JavaScript thread only.
#pragma once
#include <string>
#include <string_view>

#include "napi.h"

namespace sidepost {

/// The bytes of a Buffer (any Uint8Array) or of a string in UTF-8, on the stack where they fit.
class Bytes {
 public:
  /// False where the value is neither. `text` allows strings.
  bool Read(napi_env env, napi_value value, napi_valuetype type, bool text) {
    if (type == napi_object) {
      bool is_buffer = false;
      if (napi_is_buffer(env, value, &is_buffer) != napi_ok || !is_buffer) return false;
      void* data = nullptr;
      napi_get_buffer_info(env, value, &data, &size_);
      data_ = data ? data : "";  // an empty Buffer may have no address, and must not turn into null
      return true;
    }
    if (!text) return false;
    napi_value string = value;
    if (type != napi_string && napi_coerce_to_string(env, value, &string) != napi_ok) return false;
    return ReadString(env, string);
  }

  bool ReadString(napi_env env, napi_value string) {
    size_t length = 0;
    // A full buffer may have been cut: then the string is read again into one of its own size.
    if (napi_get_value_string_utf8(env, string, short_, sizeof short_, &length) != napi_ok) return false;
    if (length >= sizeof short_ - 4) {
      napi_get_value_string_utf8(env, string, nullptr, 0, &length);
      long_.resize(length + 1);
      napi_get_value_string_utf8(env, string, long_.data(), long_.size(), &length);
      data_ = long_.data();
    } else {
      data_ = short_;
    }
    size_ = length;
    return true;
  }

  const void* data() const { return data_; }
  size_t size() const { return size_; }
  std::string_view text() const { return {static_cast<const char*>(data_), size_}; }

 private:
  const void* data_ = nullptr;
  size_t size_ = 0;
  char short_[256];
  std::string long_;
};

}  // namespace sidepost
