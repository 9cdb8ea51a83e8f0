// Flush, metadata, offsets and credentials.
#include <algorithm>
#include <chrono>
#include <list>
#include <vector>

#include "producer.h"

namespace sidepost {

namespace {

using Clock = std::chrono::steady_clock;

int MillisecondsLeft(Clock::time_point deadline) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
  return static_cast<int>(std::clamp<int64_t>(left, 0, INT32_MAX));
}

// A number of milliseconds from JavaScript; negative means without end, as in librdkafka.
Clock::time_point Deadline(const Napi::Value& milliseconds) {
  const int64_t ms = milliseconds.As<Napi::Number>().Int64Value();
  constexpr int64_t kEndless = int64_t{1} << 40;  // 35 years, and still a number of nanoseconds
  return Clock::now() + std::chrono::milliseconds(ms < 0 ? kEndless : std::min(ms, kEndless));
}

/// Calls `attempt(ms)` again and again, a slice of the time at a time, so that a disconnect never waits long for it.
template <typename Attempt>
rd_kafka_resp_err_t InSlices(const Client& client, Clock::time_point deadline, int first_slice, int last_slice,
                             Attempt attempt) {
  int slice = first_slice;
  for (;;) {
    const int left = MillisecondsLeft(deadline);
    const rd_kafka_resp_err_t code = attempt(std::min(left, slice));
    const bool again = code == RD_KAFKA_RESP_ERR__TIMED_OUT || code == RD_KAFKA_RESP_ERR__TRANSPORT;
    if (!again || left <= slice || client.cancelled()) return code;
    slice = std::min(slice * 2, last_slice);
  }
}

Napi::Array BrokerIds(Napi::Env env, const int32_t* ids, int count) {
  auto array = Napi::Array::New(env, count);
  for (int i = 0; i < count; i++) array.Set(i, Napi::Number::New(env, ids[i]));
  return array;
}

Napi::Object MetadataObject(Napi::Env env, const rd_kafka_metadata_t* metadata) {
  auto brokers = Napi::Array::New(env, metadata->broker_cnt);
  for (int i = 0; i < metadata->broker_cnt; i++) {
    const rd_kafka_metadata_broker& broker = metadata->brokers[i];
    auto object = Napi::Object::New(env);
    object.Set("id", Napi::Number::New(env, broker.id));
    object.Set("host", broker.host);
    object.Set("port", Napi::Number::New(env, broker.port));
    brokers.Set(i, object);
  }
  auto topics = Napi::Array::New(env, metadata->topic_cnt);
  for (int i = 0; i < metadata->topic_cnt; i++) {
    const rd_kafka_metadata_topic& topic = metadata->topics[i];
    auto partitions = Napi::Array::New(env, topic.partition_cnt);
    for (int p = 0; p < topic.partition_cnt; p++) {
      const rd_kafka_metadata_partition& partition = topic.partitions[p];
      auto object = Napi::Object::New(env);
      object.Set("id", Napi::Number::New(env, partition.id));
      object.Set("leader", Napi::Number::New(env, partition.leader));
      object.Set("replicas", BrokerIds(env, partition.replicas, partition.replica_cnt));
      object.Set("isrs", BrokerIds(env, partition.isrs, partition.isr_cnt));
      partitions.Set(p, object);
    }
    auto object = Napi::Object::New(env);
    object.Set("name", topic.topic);
    object.Set("partitions", partitions);
    topics.Set(i, object);
  }
  auto object = Napi::Object::New(env);
  object.Set("orig_broker_id", Napi::Number::New(env, metadata->orig_broker_id));
  object.Set("orig_broker_name", metadata->orig_broker_name);
  object.Set("brokers", brokers);
  object.Set("topics", topics);
  return object;
}

}  // namespace

Napi::Value Producer::Flush(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!info[0].IsNumber() || !info[1].IsFunction()) return Throw(env, "Need to specify a timeout and a callback");
  if (!EnsureBridge(env)) return Throw(env, "The environment is ending");
  const auto deadline = Deadline(info[0]);
  HandOver();
  RunDrainingJob(info[1].As<Napi::Function>(), [deadline](std::shared_ptr<Client> client) -> Report {
    const rd_kafka_resp_err_t code =
        client ? InSlices(*client, deadline, 100, 100,
                          [&](int ms) { return rd_kafka_flush(client->handle(), ms); })
               : RD_KAFKA_RESP_ERR__STATE;
    return [code](Napi::Env env, Napi::Function callback) {
      if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        callback.Call({env.Null()});
        return;
      }
      auto error = Napi::Error::New(env, rd_kafka_err2str(code));
      error.Set("code", Napi::Number::New(env, code));
      callback.Call({error.Value()});
    };
  });
  return env.Null();
}

Napi::Value Producer::WhenContacted(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!info[0].IsFunction()) return Throw(env, "Need to specify a callback");
  if (!connected()) return ThrowObject(env, ErrorObject(env, RD_KAFKA_RESP_ERR__STATE));
  RunJob(info[0].As<Napi::Function>(), [](std::shared_ptr<Client> client) -> Report {
    // The first metadata tells the cluster's id. Asking for metadata oneself may take 50 ms longer: librdkafka drops the
    // bootstrap connection once it knows the brokers, and what was asked over it.
    char* cluster = nullptr;
    while (!cluster && !client->cancelled()) cluster = rd_kafka_clusterid(client->handle(), 500);
    const bool contacted = cluster != nullptr;
    if (cluster) rd_kafka_mem_free(client->handle(), cluster);
    return [contacted](Napi::Env env, Napi::Function callback) {
      if (contacted) callback.Call({});
    };
  });
  return env.Undefined();
}

Napi::Value Producer::GetMetadata(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!info[1].IsFunction()) return Throw(env, "Second parameter must be a callback");
  if (!EnsureBridge(env)) return Throw(env, "The environment is ending");
  auto options = info[0].IsObject() ? info[0].As<Napi::Object>() : Napi::Object::New(env);
  const Napi::Value topic_option = options.Get("topic");
  const Napi::Value all_option = options.Get("allTopics");
  const Napi::Value timeout_option = options.Get("timeout");
  if (env.IsExceptionPending()) return env.Undefined();
  const std::string topic_name = topic_option.IsString() ? topic_option.As<Napi::String>().Utf8Value() : "";
  const bool all_topics = all_option.IsBoolean() ? all_option.As<Napi::Boolean>().Value() : true;
  const auto deadline = Deadline(timeout_option.IsNumber() ? timeout_option : Napi::Number::New(env, 30000));
  RunJob(info[1].As<Napi::Function>(), [=](std::shared_ptr<Client> client) -> Report {
    const rd_kafka_metadata_t* metadata = nullptr;
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR__STATE;
    if (client) {
      rd_kafka_topic_t* topic =
          topic_name.empty() ? nullptr : rd_kafka_topic_new(client->handle(), topic_name.c_str(), nullptr);
      // The slices grow, so that an answer that takes longer than the first one still arrives in a later.
      code = InSlices(*client, deadline, 500, 4000, [&](int ms) {
        return rd_kafka_metadata(client->handle(), all_topics, topic, &metadata, ms);
      });
      if (topic) rd_kafka_topic_destroy(topic);
    }
    std::shared_ptr<const rd_kafka_metadata_t> result(metadata, [](const rd_kafka_metadata_t* owned) {
      if (owned) rd_kafka_metadata_destroy(owned);
    });
    return [code, result](Napi::Env env, Napi::Function callback) {
      if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        callback.Call({env.Null(), MetadataObject(env, result.get())});
      } else {
        callback.Call({ErrorObject(env, code)});
      }
    };
  });
  return env.Null();
}

Napi::Value Producer::QueryWatermarkOffsets(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!info[0].IsString()) return Throw(env, "1st parameter must be a topic string");
  if (!info[1].IsNumber()) return Throw(env, "2nd parameter must be a partition number");
  if (!info[2].IsNumber()) return Throw(env, "3rd parameter must be a number of milliseconds");
  if (!info[3].IsFunction()) return Throw(env, "4th parameter must be a callback");
  if (!EnsureBridge(env)) return Throw(env, "The environment is ending");
  const std::string topic = info[0].As<Napi::String>().Utf8Value();
  const int32_t partition = info[1].As<Napi::Number>().Int32Value();
  const auto deadline = Deadline(info[2]);
  RunJob(info[3].As<Napi::Function>(), [=](std::shared_ptr<Client> client) -> Report {
    int64_t low = 0, high = 0;
    const rd_kafka_resp_err_t code =
        client ? InSlices(*client, deadline, 500, 4000,
                          [&](int ms) {
                            return rd_kafka_query_watermark_offsets(client->handle(), topic.c_str(), partition, &low,
                                                                    &high, ms);
                          })
               : RD_KAFKA_RESP_ERR__STATE;
    return [code, low, high](Napi::Env env, Napi::Function callback) {
      if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        callback.Call({ErrorObject(env, code)});
        return;
      }
      auto offsets = Napi::Object::New(env);
      offsets.Set("lowOffset", Napi::Number::New(env, static_cast<double>(low)));
      offsets.Set("highOffset", Napi::Number::New(env, static_cast<double>(high)));
      callback.Call({env.Null(), offsets});
    };
  });
  return env.Null();
}

Napi::Value Producer::SetSaslCredentials(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!info[0].IsString()) return Throw(env, "1st parameter must be a username string");
  if (!info[1].IsString()) return Throw(env, "2nd parameter must be a password string");
  if (!connected()) return ThrowObject(env, ErrorObject(env, RD_KAFKA_RESP_ERR__STATE));
  rd_kafka_error_t* error =
      rd_kafka_sasl_set_credentials(client_->handle(), info[0].As<Napi::String>().Utf8Value().c_str(),
                                    info[1].As<Napi::String>().Utf8Value().c_str());
  if (!error) return env.Null();
  const auto object = ErrorObject(env, rd_kafka_error_code(error), rd_kafka_error_string(error));
  rd_kafka_error_destroy(error);
  return ThrowObject(env, object);
}

Napi::Value Producer::SetOAuthBearerToken(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!info[0].IsString()) return Throw(env, "1st parameter must be a token string");
  if (!info[1].IsNumber()) return Throw(env, "2nd parameter must be a lifetime_ms number");
  if (!info[2].IsString()) return Throw(env, "3rd parameter must be a principal_name string");
  const bool has_extensions = info[3].IsArray();
  if (!has_extensions && !info[3].IsNull() && !info[3].IsUndefined()) {
    return Throw(env, "4th parameter must be an extensions array or null");
  }
  if (!connected()) return ThrowObject(env, ErrorObject(env, RD_KAFKA_RESP_ERR__STATE));
  std::list<std::string> texts;
  std::vector<const char*> extensions;
  for (uint32_t i = 0; has_extensions && i < info[3].As<Napi::Array>().Length(); i++) {
    texts.push_back(TextOf(info[3].As<Napi::Array>().Get(i)));
    extensions.push_back(texts.back().c_str());
  }
  if (env.IsExceptionPending()) return env.Undefined();
  char reason[512];
  const rd_kafka_resp_err_t code = rd_kafka_oauthbearer_set_token(
      client_->handle(), info[0].As<Napi::String>().Utf8Value().c_str(), info[1].As<Napi::Number>().Int64Value(),
      info[2].As<Napi::String>().Utf8Value().c_str(), extensions.data(), extensions.size(), reason, sizeof reason);
  return code ? ThrowObject(env, ErrorObject(env, code, reason)) : env.Null();
}

Napi::Value Producer::SetOAuthBearerTokenFailure(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!info[0].IsString()) return Throw(env, "1st parameter must be an error string");
  if (!connected()) return ThrowObject(env, ErrorObject(env, RD_KAFKA_RESP_ERR__STATE));
  const rd_kafka_resp_err_t code = rd_kafka_oauthbearer_set_token_failure(
      client_->handle(), info[0].As<Napi::String>().Utf8Value().c_str());
  return code ? ThrowObject(env, ErrorObject(env, code)) : env.Null();
}

}  // namespace sidepost
