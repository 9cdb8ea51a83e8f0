// Messages in by upstream's produce(), and what is in the queue, whichever way it came.
#include <cstring>

#include "bytes.h"
#include "message.h"
#include "producer.h"

namespace sidepost {

namespace {

/// `[{name: value}, …]` as librdkafka's headers. Null with an exception pending where a value is of a wrong type.
rd_kafka_headers_t* ReadHeaders(Napi::Env env, const Napi::Array& list) {
  rd_kafka_headers_t* headers = rd_kafka_headers_new(list.Length());
  for (uint32_t i = 0; i < list.Length(); i++) {
    const Napi::Value entry = list.Get(i);
    if (!entry.IsObject()) continue;
    const Napi::Array names = entry.As<Napi::Object>().GetPropertyNames();
    if (names.IsEmpty()) break;
    if (names.Length() == 0) continue;
    const Napi::Value value = entry.As<Napi::Object>().Get(names.Get(0u));
    Bytes name, bytes;
    name.ReadString(env, names.Get(0u));
    if (!(value.IsString() || value.IsBuffer()) || !bytes.Read(env, value, value.IsString() ? napi_string : napi_object, true)) {
      rd_kafka_headers_destroy(headers);
      Throw(env, "Header value must be a string or buffer");
      return nullptr;
    }
    rd_kafka_header_add(headers, name.text().data(), static_cast<ssize_t>(name.size()), bytes.data(),
                        static_cast<ssize_t>(bytes.size()));
  }
  if (!env.IsExceptionPending()) return headers;  // a getter or a proxy may have thrown
  rd_kafka_headers_destroy(headers);
  return nullptr;
}

}  // namespace

size_t HeaderBytes(const rd_kafka_headers_t* headers, size_t overhead) {
  if (!headers) return 0;
  size_t bytes = 0;
  const char* name;
  const void* value;
  size_t size;
  for (size_t i = 0; rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR; i++) {
    bytes += strlen(name) + size + overhead;
  }
  return bytes;
}

size_t QueueBytes(const Message& message) {
  return kMessageMemory + message.value_size + message.key_size + HeaderBytes(message.headers, kHeaderMemory);
}

size_t QueueBytes(const rd_kafka_message_t* reported) {
  rd_kafka_headers_t* headers = nullptr;
  rd_kafka_message_headers(reported, &headers);
  return kMessageMemory + reported->len + reported->key_len + HeaderBytes(headers, kHeaderMemory);
}

rd_kafka_resp_err_t Enqueue(rd_kafka_t* handle, const Message& message) {
  const int flags = message.lent ? 0 : RD_KAFKA_MSG_F_COPY;
  if (!message.headers && message.timestamp == 0) {
    const int failed = rd_kafka_produce(message.topic, message.partition, flags,
                                        const_cast<void*>(message.value), message.value_size, message.key,
                                        message.key_size, message.carried);
    return failed ? rd_kafka_last_error() : RD_KAFKA_RESP_ERR_NO_ERROR;
  }
  return rd_kafka_producev(
      handle, RD_KAFKA_V_RKT(message.topic), RD_KAFKA_V_PARTITION(message.partition),
      RD_KAFKA_V_MSGFLAGS(flags), RD_KAFKA_V_VALUE(const_cast<void*>(message.value), message.value_size),
      RD_KAFKA_V_KEY(message.key, message.key_size), RD_KAFKA_V_TIMESTAMP(message.timestamp),
      RD_KAFKA_V_HEADERS(message.headers), RD_KAFKA_V_OPAQUE(message.carried), RD_KAFKA_V_END);
}

Napi::Value Producer::Produce(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (info.Length() < 3) return Throw(env, "Need to specify a topic, partition, and message");
  auto type_of = [&](size_t i) {
    napi_valuetype type = napi_undefined;
    if (i < info.Length()) napi_typeof(env, info[i], &type);
    return type;
  };
  auto absent = [](napi_valuetype type) { return type == napi_undefined || type == napi_null; };
  Message message;

  int32_t partition = RD_KAFKA_PARTITION_UA;
  if (!absent(type_of(1))) partition = static_cast<int32_t>(IntegerOf(info[1]));
  if (env.IsExceptionPending()) return env.Undefined();
  message.partition = partition < 0 ? RD_KAFKA_PARTITION_UA : partition;

  Bytes value, key, topic;
  const napi_valuetype value_type = type_of(2);
  if (value_type != napi_null && !value.Read(env, info[2], value_type, false)) {
    return Throw(env, "Message must be a buffer or null");
  }
  message.value = value.data();
  message.value_size = value.size();
  const napi_valuetype key_type = type_of(3);
  if (!absent(key_type) && !key.Read(env, info[3], key_type, true)) return Throw(env, "Key must be a string or buffer");
  message.key = key.data();
  message.key_size = key.size();
  if (!absent(type_of(4))) {
    if (type_of(4) != napi_number) return Throw(env, "Timestamp must be a number");
    message.timestamp = info[4].As<Napi::Number>().Int64Value();
  }
  if (type_of(0) != napi_string || !topic.ReadString(env, info[0])) return Throw(env, "Topic must be a string");

  auto code = [&](rd_kafka_resp_err_t error) { return Napi::Number::New(env, error); };
  if (!connected()) return code(RD_KAFKA_RESP_ERR__STATE);
  message.topic = Topic(std::string(topic.text()));
  if (!message.topic) return code(rd_kafka_last_error());
  if (info.Length() > 6 && info[6].IsArray() && info[6].As<Napi::Array>().Length() > 0) {
    message.headers = ReadHeaders(env, info[6].As<Napi::Array>());
    if (!message.headers) return env.Undefined();
  }
  message.carried = reports_->Keep(info.Length() > 5 ? info[5] : env.Undefined());
  const size_t bytes = QueueBytes(message);
  const rd_kafka_resp_err_t error = Enqueue(client_->handle(), message);
  if (error) {
    if (message.headers) rd_kafka_headers_destroy(message.headers);
    reports_->Release(message.carried);
  } else {
    queue_.Add(bytes);
  }
  return code(error);
}

Napi::Value Producer::Queued(const Napi::CallbackInfo& info) {
  auto queued = Napi::Object::New(info.Env());
  auto set = [&](const char* name, size_t count) {
    queued.Set(name, Napi::Number::New(info.Env(), static_cast<double>(count)));
  };
  set("messages", queue_.messages);
  set("bytes", queue_.bytes);
  return queued;
}

Napi::Value Producer::QueueView(const Napi::CallbackInfo& info) {
  if (queue_view_.IsEmpty()) {
    auto view = Napi::Float64Array::New(info.Env(), 4);
    queue_view_ = Napi::Persistent(view);
    queue_.view = view.Data();
    queue_.Show();
  }
  return queue_view_.Value();
}

Napi::Value Producer::ErrorText(const Napi::CallbackInfo& info) {
  const int code = info[0].ToNumber().Int32Value();
  return Napi::String::New(info.Env(), rd_kafka_err2str(static_cast<rd_kafka_resp_err_t>(code)));
}

}  // namespace sidepost
