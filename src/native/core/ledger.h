// Every event that was taken and is not settled, in the order taken: librdkafka only borrows its bytes. So a client that
// has failed can be replaced by another, and the spool can be written from it.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "message.h"
#include "record.h"

namespace sidepost {

struct Body;

/// An event in memory. Its bytes lie back to back: value, key, id, headers.
struct Entry {
  Entry* previous = nullptr;
  Entry* next = nullptr;
  Body* body = nullptr;
  void* carried = nullptr;  // what is told of its end: a slot (odd), a batch (even); null for a replayed event
  uint32_t index = 0;       // in its batch
  uint16_t type = 0;        // index of its event type
  bool sent = false;        // a client took it, and has not said that Kafka does not have it
  bool doubtful = false;    // one that is gone did, and may have brought it to Kafka
  int64_t taken = 0;        // milliseconds since the epoch
  uint64_t id_hash = 0;
  uint64_t chunk = 0;       // that has it on disk, 0 for none
  uint64_t dropped = 0;     // the number of the chunk that was to have it, and could not be written
  uint32_t place = 0;       // in the chunk
  bool promised = false;    // its poster was told that it is on its way, and will hear no more of it
  bool postponed = false;   // turned down for what may pass, and to be tried again
  bool has_key = false;
  uint16_t header_count = 0;
  const char* bytes = nullptr;
  uint32_t value_size = 0;
  uint32_t key_size = 0;
  uint32_t id_size = 0;
  uint32_t headers_size = 0;

  std::string_view value() const { return {bytes, value_size}; }
  std::string_view key() const { return {bytes + value_size, key_size}; }
  std::string_view id() const { return {bytes + value_size + key_size, id_size}; }
  std::string_view headers() const { return {bytes + value_size + key_size + id_size, headers_size}; }
};

/// The memory of all events of one body: freed when the last of them is settled.
struct Body {
  size_t bytes;    // of memory that it takes, librdkafka's copies of keys and headers among them
  uint32_t alive;  // entries that are not settled
  uint32_t since;  // when it was taken: milliseconds of a clock that nobody sets, modulo 2^32
  Entry* entries() { return reinterpret_cast<Entry*>(this + 1); }
};

/// JavaScript thread only.
class Ledger {
 public:
  /// `queue` is kept true: a message for each entry, and the bytes of blocks.
  explicit Ledger(Queue* queue) : queue_(queue) {}
  /// Frees everything: no client may hold any of it any more.
  ~Ledger();

  static size_t BodySize(size_t entries, size_t bytes) {
    return sizeof(Body) + entries * sizeof(Entry) + bytes;
  }
  /// Memory for the events of one body; `*bytes` is where theirs go. The caller's until each is taken.
  static Body* Open(size_t entries, size_t size, char** bytes);
  static void Drop(Body* body);

  /// The entry is filled: what librdkafka copies of it counts among its body's bytes.
  static void CountCopies(Entry* entry);

  /// The entries of the body are taken, in this order.
  void Append(Body* body);
  /// The entry is settled. Its memory stays until Free().
  void Remove(Entry* entry);
  void Free(Entry* entry);

  Entry* first() const { return first_; }
  /// Milliseconds since the first entry was taken; 0 where there is none.
  uint32_t Age() const;

 private:
  Queue* queue_;
  Entry* first_ = nullptr;
  Entry* last_ = nullptr;
};

}  // namespace sidepost
