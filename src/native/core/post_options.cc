#include "post_options.h"

#include "envelope.h"
#include "read.h"
#include "scan_binding.h"

namespace sidepost {

bool ReadPostOptions(const Napi::Object& object, PostOptions* options) {
  Napi::Object scan;
  std::vector<Napi::Object> events;
  if (!ReadMember(object, "scan", &scan) || !ReadScanSpec(scan, &options->scan) ||
      !ReadMember(object, "events", &events) || !ReadMember(object, "source", &options->source) ||
      !ReadMember(object, "binary", &options->binary) || !ReadMember(object, "maxMessages", &options->max_messages) ||
      !ReadMember(object, "maxBytes", &options->max_bytes) ||
      !ReadMember(object, "maxMessageBytes", &options->max_message_bytes) ||
      !ReadMember(object, "patience", &options->patience) || !ReadMember(object, "renewable", &options->renewable)) {
    return false;
  }
  if (events.size() != options->scan.types.size()) return Mistyped(object.Env(), "events", "one for each of scan.types");
  for (const Napi::Object& event : events) {
    PostOptions::Event read;
    if (!ReadMember(event, "type", &read.type) || !ReadMember(event, "topic", &read.topic)) return false;
    if (IdGenerator::Size(read.type) > kMaxMadeId) return Mistyped(object.Env(), read.type, "shorter, to be a type");
    options->events.push_back(read);
  }
  return true;
}

}  // namespace sidepost
