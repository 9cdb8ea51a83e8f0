// Events composed for Kafka, as bytes that outlive the process: what the spool keeps and a producer can be given again.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "napi.h"

namespace sidepost {

/// One record. Views borrow from whatever was read or is to be written.
struct Record {
  int64_t timestamp = 0;  // milliseconds since the epoch, when the event was taken
  std::string_view topic;
  std::string_view type;  // the event type, such as user_created
  std::string_view id;
  bool has_key = false;
  std::string_view key;
  std::string_view value;
};

/// Appends a record. Lengths are little-endian 32-bit numbers, so the file may move between machines of this kind only:
/// size of the rest, flags, timestamp (64 bit), topic, type, id, key, value, number of headers, name and value of each.
void AppendRecord(std::string& to, const Record& record, const rd_kafka_headers_t* headers);

/// Reads the record at the beginning of `from`, and returns how many bytes it takes; 0 where it is not whole or not one.
/// Where `headers` is given it gets new ones, which are the caller's; null for none.
size_t ReadRecord(std::string_view from, Record* record, rd_kafka_headers_t** headers);

/// By which an id is found again among many (FNV-1a).
uint32_t IdHash(std::string_view id);
/// What events that must keep their order share: the same topic and key. 0 for an event without a key, and only for one.
uint32_t KeyHash(const Record& record);

}  // namespace sidepost
