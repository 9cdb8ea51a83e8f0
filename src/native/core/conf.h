// JavaScript configuration objects as librdkafka configuration.
#pragma once
#include <memory>
#include <string>

#include "napi.h"

namespace sidepost {

struct ConfDeleter {
  void operator()(rd_kafka_conf_t* conf) const { rd_kafka_conf_destroy(conf); }
};
using Conf = std::unique_ptr<rd_kafka_conf_t, ConfDeleter>;

/// Reads every property that is not a function (those are callbacks, handed over by configureCallbacks).
/// `topic` may be undefined. Null with `*error` set where librdkafka refuses a property, or with an
/// exception pending where a value has no text. JavaScript thread.
Conf ReadConf(const Napi::Object& global, const Napi::Value& topic, std::string* error);

/// The value in force, or "" where there is none.
std::string ConfGet(const rd_kafka_conf_t* conf, const char* name);

/// Names a system library that the configuration needs and this machine lacks, with the way to get it; "" if none.
std::string MissingLibrary(const rd_kafka_conf_t* conf);

}  // namespace sidepost
