// Transactions: each call blocks inside librdkafka, so each is a job.
#include "producer.h"

namespace sidepost {

void Producer::RunTransactionCall(Napi::Function callback, TransactionCall call) {
  // Commit and abort wait for outstanding reports, which only the drain makes final.
  RunDrainingJob(callback, [call](std::shared_ptr<Client> client) -> Report {
    if (!client) {
      return [](Napi::Env env, Napi::Function callback) {
        callback.Call({ErrorObject(env, RD_KAFKA_RESP_ERR__STATE)});
      };
    }
    std::shared_ptr<rd_kafka_error_t> error(call(client->handle()), [](rd_kafka_error_t* owned) {
      if (owned) rd_kafka_error_destroy(owned);
    });
    return [error](Napi::Env env, Napi::Function callback) {
      if (!error) {
        callback.Call({env.Null()});
        return;
      }
      auto object = ErrorObject(env, rd_kafka_error_code(error.get()), rd_kafka_error_string(error.get()));
      object.Set("isFatal", Napi::Boolean::New(env, rd_kafka_error_is_fatal(error.get())));
      object.Set("isRetriable", Napi::Boolean::New(env, rd_kafka_error_is_retriable(error.get())));
      object.Set("isTxnRequiresAbort", Napi::Boolean::New(env, rd_kafka_error_txn_requires_abort(error.get())));
      callback.Call({object});
    };
  });
}

namespace {

bool TimeoutAndCallback(const Napi::CallbackInfo& info) {
  if (info[0].IsNumber() && info[1].IsFunction()) return true;
  Throw(info.Env(), "Need to specify a timeout and a callback");
  return false;
}

}  // namespace

Napi::Value Producer::InitTransactions(const Napi::CallbackInfo& info) {
  if (!TimeoutAndCallback(info) || !EnsureBridge(info.Env())) return info.Env().Undefined();
  const int ms = info[0].As<Napi::Number>().Int32Value();
  RunTransactionCall(info[1].As<Napi::Function>(),
                     [ms](rd_kafka_t* handle) { return rd_kafka_init_transactions(handle, ms); });
  return info.Env().Null();
}

Napi::Value Producer::BeginTransaction(const Napi::CallbackInfo& info) {
  if (!info[0].IsFunction()) return Throw(info.Env(), "Need to specify a callback");
  if (!EnsureBridge(info.Env())) return info.Env().Undefined();
  RunTransactionCall(info[0].As<Napi::Function>(), rd_kafka_begin_transaction);
  return info.Env().Null();
}

Napi::Value Producer::CommitTransaction(const Napi::CallbackInfo& info) {
  if (!TimeoutAndCallback(info) || !EnsureBridge(info.Env())) return info.Env().Undefined();
  const int ms = info[0].As<Napi::Number>().Int32Value();
  RunTransactionCall(info[1].As<Napi::Function>(),
                     [ms](rd_kafka_t* handle) { return rd_kafka_commit_transaction(handle, ms); });
  return info.Env().Null();
}

Napi::Value Producer::AbortTransaction(const Napi::CallbackInfo& info) {
  if (!TimeoutAndCallback(info) || !EnsureBridge(info.Env())) return info.Env().Undefined();
  const int ms = info[0].As<Napi::Number>().Int32Value();
  RunTransactionCall(info[1].As<Napi::Function>(),
                     [ms](rd_kafka_t* handle) { return rd_kafka_abort_transaction(handle, ms); });
  return info.Env().Null();
}

Napi::Value Producer::SendOffsetsToTransaction(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!info[0].IsArray() || !info[2].IsNumber() || !info[3].IsFunction()) {
    return Throw(env, "Need to specify offsets, consumer, timeout for 'send offsets to transaction', and callback");
  }
  // Upstream hands over its native consumer, which this core does not have. What the call needs of one is who it is
  // in its group, so any object that says that will do.
  const Napi::Value group =
      info[1].IsObject() ? info[1].As<Napi::Object>().Get("groupMetadata") : env.Undefined();
  if (!group.IsObject() || !group.As<Napi::Object>().Get("groupId").IsString()) {
    return Throw(env,
                 "This core has no KafkaConsumer: give an object whose getClient() returns "
                 "{groupMetadata: {groupId, generationId, memberId, groupInstanceId}}");
  }
  if (!EnsureBridge(env)) return env.Undefined();

  const auto member = group.As<Napi::Object>();
  const std::string group_id = TextOf(member.Get("groupId"));
  const bool has_generation = member.Get("generationId").IsNumber();
  const int32_t generation = has_generation ? static_cast<int32_t>(IntegerOf(member.Get("generationId"))) : -1;
  const std::string member_id = member.Get("memberId").IsString() ? TextOf(member.Get("memberId")) : "";
  const bool is_static = member.Get("groupInstanceId").IsString();
  const std::string instance_id = is_static ? TextOf(member.Get("groupInstanceId")) : "";

  const auto list = info[0].As<Napi::Array>();
  std::shared_ptr<rd_kafka_topic_partition_list_t> offsets(
      rd_kafka_topic_partition_list_new(static_cast<int>(list.Length())), rd_kafka_topic_partition_list_destroy);
  for (uint32_t i = 0; i < list.Length(); i++) {
    const Napi::Value entry = list.Get(i);
    if (!entry.IsObject()) return Throw(env, "An offset must be {topic, partition, offset}");
    const auto toppar = entry.As<Napi::Object>();
    auto* partition = rd_kafka_topic_partition_list_add(offsets.get(), TextOf(toppar.Get("topic")).c_str(),
                                                        static_cast<int32_t>(IntegerOf(toppar.Get("partition"))));
    partition->offset = IntegerOf(toppar.Get("offset"));
    if (env.IsExceptionPending()) return env.Undefined();
  }
  const int ms = info[2].As<Napi::Number>().Int32Value();
  RunTransactionCall(info[3].As<Napi::Function>(), [=](rd_kafka_t* handle) {
    rd_kafka_consumer_group_metadata_t* metadata = rd_kafka_consumer_group_metadata_new_with_genid(
        group_id.c_str(), generation, member_id.c_str(), is_static ? instance_id.c_str() : nullptr);
    rd_kafka_error_t* error = rd_kafka_send_offsets_to_transaction(handle, offsets.get(), metadata, ms);
    rd_kafka_consumer_group_metadata_destroy(metadata);
    return error;
  });
  return env.Null();
}

}  // namespace sidepost
