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
  uint32_t header_count = 0;
  std::string_view headers;  // by PutHeader(), one after the other
};

/// Appends a record. Lengths are little-endian 32-bit numbers, so the file may move between machines of this kind only:
/// size of the rest, flags, timestamp (64 bit), topic, type, id, key, value, number of headers, name and value of each.
void AppendRecord(std::string& to, const Record& record);

/// Reads the record at the beginning of `from`, and returns how many bytes it takes; 0 where it is not whole or not one.
size_t ReadRecord(std::string_view from, Record* record);

/// What PutHeader() writes.
constexpr size_t HeaderSize(size_t name, size_t value) { return 2 * sizeof(uint32_t) + name + value; }
/// Writes one header and returns its end.
char* PutHeader(char* to, std::string_view name, std::string_view value);
/// New headers for librdkafka, the caller's; null for none.
rd_kafka_headers_t* MakeHeaders(uint32_t count, std::string_view headers);

/// By which an event is found again among many.
uint64_t IdHash(std::string_view id);
/// What events that must keep their order share: the same topic and key. 0 for an event without a key, and only for one.
uint32_t KeyHash(std::string_view topic, bool has_key, std::string_view key);

}  // namespace sidepost
