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
  bool AtEnd() const { return whole_ && left_.empty(); }
  bool whole() const { return whole_; }

 private:
  std::string_view left_;
  bool whole_ = true;
};

constexpr uint32_t kFnvBasis = 2166136261u;

uint32_t Fnv(uint32_t hash, std::string_view bytes) {
  for (const char byte : bytes) hash = (hash ^ static_cast<uint8_t>(byte)) * 16777619u;
  return hash;
}

}  // namespace

void AppendRecord(std::string& to, const Record& record, const rd_kafka_headers_t* headers) {
  const size_t start = to.size();
  Put(to, uint32_t{0});
  Put(to, record.has_key ? kHasKey : 0u);
  Put(to, record.timestamp);
  for (const std::string_view part : {record.topic, record.type, record.id, record.key, record.value}) PutBytes(to, part);
  Put(to, static_cast<uint32_t>(headers ? rd_kafka_header_cnt(headers) : 0));
  const char* name;
  const void* value;
  size_t size;
  for (size_t i = 0; headers && !rd_kafka_header_get_all(headers, i, &name, &value, &size); i++) {
    PutBytes(to, name);
    PutBytes(to, {static_cast<const char*>(value), size});
  }
  const auto rest = static_cast<uint32_t>(to.size() - start - sizeof(uint32_t));
  memcpy(&to[start], &rest, sizeof rest);
}

size_t ReadRecord(std::string_view from, Record* record, rd_kafka_headers_t** headers) {
  Reader frame(from);
  const std::string_view rest = frame.Bytes();
  Reader reader(rest);
  record->has_key = (reader.Get<uint32_t>() & kHasKey) != 0;
  record->timestamp = reader.Get<int64_t>();
  for (std::string_view* part : {&record->topic, &record->type, &record->id, &record->key, &record->value}) {
    *part = reader.Bytes();
  }
  const auto count = reader.Get<uint32_t>();
  rd_kafka_headers_t* read = headers && count > 0 ? rd_kafka_headers_new(8) : nullptr;
  for (uint32_t i = 0; i < count && reader.whole(); i++) {
    const std::string_view name = reader.Bytes(), value = reader.Bytes();
    if (read && reader.whole()) {
      rd_kafka_header_add(read, name.data(), static_cast<ssize_t>(name.size()), value.data(),
                          static_cast<ssize_t>(value.size()));
    }
  }
  const bool is_record = frame.whole() && reader.AtEnd();
  if (!is_record && read) rd_kafka_headers_destroy(read);
  if (headers) *headers = is_record ? read : nullptr;
  return is_record ? sizeof(uint32_t) + rest.size() : 0;
}

uint32_t IdHash(std::string_view id) { return Fnv(kFnvBasis, id); }

uint32_t KeyHash(const Record& record) {
  if (!record.has_key) return 0;
  const uint32_t hash = Fnv(Fnv(Fnv(kFnvBasis, record.topic), {"\0", 1}), record.key);
  return hash == 0 ? 1 : hash;
}

}  // namespace sidepost
