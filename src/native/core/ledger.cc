#include "ledger.h"

#include <chrono>
#include <cstdlib>
#include <new>

namespace sidepost {

namespace {

uint32_t SteadyMilliseconds() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return static_cast<uint32_t>(std::chrono::duration_cast<std::chrono::milliseconds>(now).count());
}

}  // namespace

Body* Ledger::Open(size_t entries, size_t size, char** bytes) {
  Body* body = static_cast<Body*>(malloc(size));
  body->bytes = size;
  body->alive = static_cast<uint32_t>(entries);
  Entry* const first = body->entries();
  for (size_t i = 0; i < entries; i++) {
    new (first + i) Entry;
    first[i].body = body;
    first[i].index = static_cast<uint32_t>(i);
  }
  *bytes = reinterpret_cast<char*>(first + entries);
  return body;
}

void Ledger::Drop(Body* body) { free(body); }

void Ledger::CountCopies(Entry* entry) {
  entry->body->bytes += kMessageMemory - sizeof(Entry) + entry->key_size + entry->headers_size + entry->header_count * kHeaderMemory;
}

void Ledger::Append(Body* body) {
  body->since = SteadyMilliseconds();
  Entry* const entries = body->entries();
  for (uint32_t i = 0; i < body->alive; i++) {
    Entry* entry = entries + i;
    entry->previous = last_;
    (last_ ? last_->next : first_) = entry;
    last_ = entry;
  }
  queue_->Add({body->alive, body->bytes});
}

uint32_t Ledger::Age() const { return first_ ? SteadyMilliseconds() - first_->body->since : 0; }

void Ledger::Remove(Entry* entry) {
  (entry->previous ? entry->previous->next : first_) = entry->next;
  (entry->next ? entry->next->previous : last_) = entry->previous;
}

void Ledger::Free(Entry* entry) {
  Body* const body = entry->body;
  const bool last = --body->alive == 0;
  queue_->Remove({1, last ? body->bytes : 0});
  if (last) free(body);
}

Ledger::~Ledger() {
  for (Entry* entry = first_; entry;) {
    Body* const body = entry->body;
    entry = entry->next;
    if (--body->alive == 0) free(body);
  }
}

}  // namespace sidepost
