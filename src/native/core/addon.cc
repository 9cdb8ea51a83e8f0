// What the addon exports: the members that upstream's JavaScript expects of its own binary, and nothing it would miss.
#include <openssl/crypto.h>

#include <string>

#include "napi.h"
#include "pages.h"
#include "producer.h"
#include "scan_binding.h"

namespace sidepost {

namespace {

Napi::Value ErrorText(const Napi::CallbackInfo& info) {
  const int64_t code = IntegerOf(info[0]);
  if (info.Env().IsExceptionPending()) return info.Env().Undefined();
  return Napi::String::New(info.Env(), rd_kafka_err2str(static_cast<rd_kafka_resp_err_t>(code)));
}

Napi::Value Features(const Napi::CallbackInfo& info) {
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  const std::string features = ConfGet(conf, "builtin.features");
  rd_kafka_conf_destroy(conf);
  return Napi::String::New(info.Env(), features);
}

Napi::Value Release(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(ReleaseCode()));
}

Napi::Object TopicConstants(Napi::Env env) {
  auto constants = Napi::Object::New(env);
  constants.Set("RdKafka::Topic::PARTITION_UA", Napi::Number::New(env, RD_KAFKA_PARTITION_UA));
  constants.Set("RdKafka::Topic::OFFSET_BEGINNING", Napi::Number::New(env, RD_KAFKA_OFFSET_BEGINNING));
  constants.Set("RdKafka::Topic::OFFSET_END", Napi::Number::New(env, RD_KAFKA_OFFSET_END));
  constants.Set("RdKafka::Topic::OFFSET_STORED", Napi::Number::New(env, RD_KAFKA_OFFSET_STORED));
  constants.Set("RdKafka::Topic::OFFSET_INVALID", Napi::Number::New(env, RD_KAFKA_OFFSET_INVALID));
  return constants;
}

/// A class of upstream's that this core does not have: there to be named, not to be made.
Napi::Function Missing(Napi::Env env, const char* name) {
  return Napi::Function::New(
      env,
      [](const Napi::CallbackInfo& info) {
        Throw(info.Env(), std::string(static_cast<const char*>(info.Data())) +
                              " is not in sidepost's core, which only produces");
      },
      name, const_cast<char*>(name));
}

}  // namespace

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  // Without this OpenSSL frees itself at exit(), under the feet of broker threads that still run.
  OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, nullptr);
  exports.Set("Producer", Producer::Define(env));
  for (const char* name : {"KafkaConsumer", "AdminClient", "Topic"}) exports.Set(name, Missing(env, name));
  exports.Set("topic", TopicConstants(env));
  exports.Set("err2str", Napi::Function::New(env, ErrorText, "err2str"));
  exports.Set("features", Napi::Function::New(env, Features, "features"));
  exports.Set("librdkafkaVersion", rd_kafka_version_str());
  exports.Set("releaseCode", Napi::Function::New(env, Release, "releaseCode"));
  exports.Set("scan", Napi::Function::New(env, ScanForTests, "scan"));
  return exports;
}

}  // namespace sidepost

static Napi::Object InitAddon(Napi::Env env, Napi::Object exports) { return sidepost::Init(env, exports); }
NODE_API_MODULE(sidepost, InitAddon)
