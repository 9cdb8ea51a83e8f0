#include "record.h"

#include <cstring>

namespace sidepost {

namespace {

constexpr uint32_t kHasKey = 1;

template <typename Number>
void Put(std::string& to, Number number) {
  to.append(reinterpret_cast<const char*>(&number), sizeof number);
}

void PutBytes(std::string& to, std::string_view bytes) {
  Put(to, static_cast<uint32_t>(bytes.size()));
  to.append(bytes);
}

char* PutBytes(char* to, std::string_view bytes) {
  const auto size = static_cast<uint32_t>(bytes.size());
  memcpy(to, &size, sizeof size);
  memcpy(to + sizeof size, bytes.data(), bytes.size());
  return to + sizeof size + bytes.size();
}

/// Reads on, and remembers when there was less than was asked for.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : left_(bytes) {}

  template <typename Number>
  Number Get() {
    Number number{};
    const std::string_view bytes = Take(sizeof number);
    if (whole_) memcpy(&number, bytes.data(), sizeof number);
    return number;
  }
  std::string_view Bytes() { return Take(Get<uint32_t>()); }
  std::string_view Take(size_t size) {
    if (size > left_.size()) whole_ = false;
    if (!whole_) return {};
    const std::string_view taken = left_.substr(0, size);
    left_.remove_prefix(size);
    return taken;
  }
  std::string_view left() const { return left_; }
  bool whole() const { return whole_; }

 private:
  std::string_view left_;
  bool whole_ = true;
};

// FNV-1a's constants, eight bytes at a time and mixed in the end as MurmurHash3 does: 10 ns for an id instead of 50.
uint64_t Hash(uint64_t hash, std::string_view bytes) {
  auto mix = [&hash](uint64_t word) {
    hash = (hash ^ word) * 0x100000001b3ull;
    hash ^= hash >> 29;
  };
  for (; bytes.size() >= sizeof(uint64_t); bytes.remove_prefix(sizeof(uint64_t))) {
    uint64_t word;
    memcpy(&word, bytes.data(), sizeof word);
    mix(word);
  }
  uint64_t rest = bytes.size() + 1;
  for (const char byte : bytes) rest = rest << 8 | static_cast<uint8_t>(byte);
  mix(rest);
  hash = (hash ^ hash >> 33) * 0xff51afd7ed558ccdull;
  hash = (hash ^ hash >> 33) * 0xc4ceb9fe1a85ec53ull;
  return hash ^ hash >> 33;
}

constexpr uint64_t kBasis = 14695981039346656037ull;

}  // namespace

void AppendRecord(std::string& to, const Record& record) {
  const size_t start = to.size();
  Put(to, uint32_t{0});
  Put(to, record.has_key ? kHasKey : 0u);
  Put(to, record.timestamp);
  for (const std::string_view part : {record.topic, record.type, record.id, record.key, record.value}) PutBytes(to, part);
  Put(to, record.header_count);
  to.append(record.headers);
  const auto rest = static_cast<uint32_t>(to.size() - start - sizeof(uint32_t));
  memcpy(&to[start], &rest, sizeof rest);
}

size_t ReadRecord(std::string_view from, Record* record) {
  Reader frame(from);
  const std::string_view rest = frame.Bytes();
  Reader reader(rest);
  record->has_key = (reader.Get<uint32_t>() & kHasKey) != 0;
  record->timestamp = reader.Get<int64_t>();
  for (std::string_view* part : {&record->topic, &record->type, &record->id, &record->key, &record->value}) {
    *part = reader.Bytes();
  }
  record->header_count = reader.Get<uint32_t>();
  record->headers = reader.left();
  for (uint32_t i = 0; i < 2 * record->header_count && reader.whole(); i++) reader.Bytes();
  return frame.whole() && reader.whole() && reader.left().empty() ? sizeof(uint32_t) + rest.size() : 0;
}

char* PutHeader(char* to, std::string_view name, std::string_view value) {
  return PutBytes(PutBytes(to, name), value);
}

rd_kafka_headers_t* MakeHeaders(uint32_t count, std::string_view headers) {
  if (count == 0) return nullptr;
  rd_kafka_headers_t* made = rd_kafka_headers_new(count);
  Reader reader(headers);
  for (uint32_t i = 0; i < count; i++) {
    const std::string_view name = reader.Bytes(), value = reader.Bytes();
    rd_kafka_header_add(made, name.data(), static_cast<ssize_t>(name.size()), value.data(),
                        static_cast<ssize_t>(value.size()));
  }
  return made;
}

uint64_t IdHash(std::string_view id) { return Hash(kBasis, id); }

uint32_t KeyHash(std::string_view topic, bool has_key, std::string_view key) {
  if (!has_key) return 0;
  const auto hash = static_cast<uint32_t>(Hash(Hash(kBasis, topic), key));
  return hash == 0 ? 1 : hash;
}

}  // namespace sidepost
