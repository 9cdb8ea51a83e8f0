// What Producer::ConfigureEvents takes.
#pragma once
#include <string>
#include <vector>

#include "napi.h"
#include "scan.h"

namespace sidepost {

struct PostOptions {
  struct Event {
    std::string type;
    std::string topic;
  };

  ScanSpec scan;
  std::vector<Event> events;  // in the order of scan.types
  std::string source;         // the CloudEvents source of every event
  bool binary;                // whether the CloudEvents attributes go into headers
  size_t max_messages;        // of librdkafka's queue
  size_t max_bytes;           // of librdkafka's queue
  size_t max_message_bytes;   // of one message
  size_t patience;            // milliseconds that a promised event is tried again that Kafka turns down for what may pass
  bool renewable;             // whether what a failed client had is kept for the next one
};

/// From an object of the same members in JavaScript's spelling. False with an Error pending where it is something else.
/// JavaScript thread.
bool ReadPostOptions(const Napi::Object& object, PostOptions* options);

/// No id that is made for an event is longer.
constexpr size_t kMaxMadeId = 512;

}  // namespace sidepost
