// Bodies of the posts become entries: ids, envelopes and headers, in one piece of memory for a body.
#include <algorithm>
#include <cstring>

#include "posts.h"

namespace sidepost {

Body* Posts::Compose(const Scanner& scanner, size_t one_type) {
  const auto& events = scanner.events();
  const Moment& now = Now();
  ids_.clear();
  id_ends_.clear();
  size_t bytes = 0;
  for (const ScannedEvent& event : events) {
    bytes += Bound(scanner, event, types_[one_type == kTypeInBody ? event.type : one_type]);
  }
  char* to = nullptr;
  Body* const body = Ledger::Open(events.size(), Ledger::BodySize(events.size(), bytes), &to);
  Entry* entry = body->entries();
  for (const ScannedEvent& event : events) {
    const auto type = static_cast<uint32_t>(one_type == kTypeInBody ? event.type : one_type);
    to = Compose(scanner, event, type, now, entry++, to);
    id_ends_.push_back(ids_.size());
  }
  return body;
}

size_t Posts::Bound(const Scanner& scanner, const ScannedEvent& event, const Type& type) const {
  const size_t id = IsPresent(event.id) ? event.id.size() : type.made_id;
  const size_t escaped = IsPresent(event.id) ? EscapedSize(event.id) : type.made_id;
  // The id stands in the envelope or a header, and by itself.
  size_t bytes = type.own_bytes + escaped + id + std::max(event.time.size(), sizeof now_.time) + event.data.size() +
                 event.key.size();
  for (uint32_t i = 0; i < event.header_count; i++) {
    const ScannedHeader& header = scanner.headers()[event.first_header + i];
    bytes += HeaderSize(header.name.size(), header.value.size());
  }
  return bytes;
}

char* Posts::Compose(const Scanner& scanner, const ScannedEvent& event, uint32_t type_index, const Moment& now,
                     Entry* entry, char* to) {
  const Type& type = types_[type_index];
  char made_id[kMaxMadeId];
  std::string_view id = event.id;
  if (!IsPresent(id)) id = {made_id, static_cast<size_t>(id_generator_.Next(made_id, type.type, now) - made_id)};
  const std::string_view time = IsPresent(event.time) ? event.time : std::string_view(now.time, sizeof now.time - 1);
  ids_.append(id).push_back('\n');

  entry->type = static_cast<uint16_t>(type_index);
  entry->taken = now_ms_;
  entry->id_hash = IdHash(id);
  entry->bytes = to;
  to = binary_ ? to + event.data.copy(to, event.data.size()) : WriteEnvelope(to, type.middle, id, time, event.data);
  entry->value_size = static_cast<uint32_t>(to - entry->bytes);
  entry->has_key = IsPresent(event.key);
  entry->key_size = static_cast<uint32_t>(event.key.size());
  to += event.key.copy(to, event.key.size());
  entry->id_size = static_cast<uint32_t>(id.size());
  to += id.copy(to, id.size());
  char* const headers = to;
  to = PutHeaders(scanner, event, type, id, time, entry, to);
  entry->headers_size = static_cast<uint32_t>(to - headers);
  Ledger::CountCopies(entry);
  return to;
}

// https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/kafka-protocol-binding.md, 3.2 and 3.3
char* Posts::PutHeaders(const Scanner& scanner, const ScannedEvent& event, const Type& type, std::string_view id,
                        std::string_view time, Entry* entry, char* to) {
  if (binary_) {
    to = PutHeader(to, "ce_specversion", "1.0");
    to = PutHeader(to, "ce_id", id);
    to = PutHeader(to, "ce_source", source_);
    to = PutHeader(to, "ce_type", type.type);
    to = PutHeader(to, "ce_time", time);
    to = PutHeader(to, kContentType, "application/json");
  } else {
    to = PutHeader(to, kContentType, kStructured);
  }
  for (uint32_t i = 0; i < event.header_count; i++) {
    const ScannedHeader& header = scanner.headers()[event.first_header + i];
    to = PutHeader(to, header.name, header.value);
  }
  entry->header_count = static_cast<uint16_t>(event.header_count + (binary_ ? 6 : 1));
  return to;
}

}  // namespace sidepost
