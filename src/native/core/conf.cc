#include "conf.h"

#include "../lazy/lazy.h"

namespace sidepost {

namespace {

template <typename Set>
bool ReadProperties(const Napi::Object& object, std::string* error, Set set) {
  const Napi::Array names = object.GetPropertyNames();
  for (uint32_t i = 0; i < names.Length(); i++) {
    const Napi::Value name = names[i];
    const Napi::Value value = object.Get(name);
    if (!name.IsString() || value.IsFunction()) continue;
    const std::string text = TextOf(value);
    if (object.Env().IsExceptionPending()) return false;
    char reason[512];
    if (set(name.As<Napi::String>().Utf8Value(), text, reason, sizeof reason) != RD_KAFKA_CONF_OK) {
      *error = reason;
      return false;
    }
  }
  return true;
}

}  // namespace

Conf ReadConf(const Napi::Object& global, const Napi::Value& topic, std::string* error) {
  Conf conf(rd_kafka_conf_new());
  auto set_global = [&](const std::string& name, const std::string& value, char* reason, size_t size) {
    return rd_kafka_conf_set(conf.get(), name.c_str(), value.c_str(), reason, size);
  };
  if (!ReadProperties(global, error, set_global)) return nullptr;
  if (topic.IsObject()) {
    rd_kafka_topic_conf_t* topic_conf = rd_kafka_topic_conf_new();
    auto set_topic = [&](const std::string& name, const std::string& value, char* reason, size_t size) {
      return rd_kafka_topic_conf_set(topic_conf, name.c_str(), value.c_str(), reason, size);
    };
    if (!ReadProperties(topic.As<Napi::Object>(), error, set_topic)) {
      rd_kafka_topic_conf_destroy(topic_conf);
      return nullptr;
    }
    rd_kafka_conf_set_default_topic_conf(conf.get(), topic_conf);
  }
  *error = MissingLibrary(conf.get());
  return error->empty() ? std::move(conf) : nullptr;
}

std::string ConfGet(const rd_kafka_conf_t* conf, const char* name) {
  size_t size = 0;
  if (rd_kafka_conf_get(conf, name, nullptr, &size) != RD_KAFKA_CONF_OK || size == 0) return {};
  std::string value(size, '\0');
  rd_kafka_conf_get(conf, name, value.data(), &size);
  value.resize(value.find('\0') == std::string::npos ? value.size() : value.find('\0'));
  return value;
}

std::string MissingLibrary(const rd_kafka_conf_t* conf) {
  const std::string protocol = ConfGet(conf, "security.protocol");
  const bool sasl = protocol.rfind("sasl", 0) == 0;
  const std::string mechanism = ConfGet(conf, "sasl.mechanisms");
  if (sasl && mechanism == "GSSAPI" && !sidepost_lazy_sasl_available()) {
    return "sasl.mechanisms=GSSAPI needs the system library libsasl2.so.2, which is not here "
           "(Debian: apt-get install libsasl2-2 libsasl2-modules-gssapi-mit)";
  }
  if (sasl && mechanism == "OAUTHBEARER" && ConfGet(conf, "sasl.oauthbearer.method") == "oidc" &&
      !sidepost_lazy_curl_available()) {
    return "sasl.oauthbearer.method=oidc needs the system library libcurl.so.4, which is not here "
           "(Debian: apt-get install libcurl4)";
  }
  return {};
}

}  // namespace sidepost
