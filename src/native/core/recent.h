// What became of the latest events, by the hash of their ids.
#pragma once
#include <cstdint>
#include <vector>

#include "journal.h"

namespace sidepost {

/// A table of fixed size: kWays places for the ids of one bucket, of which the oldest is given away. JavaScript thread.
class Recent {
 public:
  /// `events`: a power of two.
  explicit Recent(size_t events) : slots_(events), turns_(events / kWays, 0) {}

  void Put(uint64_t id_hash, const Outcome& outcome) {
    const size_t bucket = id_hash % turns_.size();
    slots_[bucket * kWays + turns_[bucket]++ % kWays] = {id_hash, outcome};
  }

  /// Null where it is not known any more. The newest of one id counts.
  const Outcome* Find(uint64_t id_hash) const {
    const size_t bucket = id_hash % turns_.size();
    for (size_t back = 1; back <= kWays; back++) {
      const Slot& slot = slots_[bucket * kWays + static_cast<uint8_t>(turns_[bucket] - back) % kWays];
      if (slot.id_hash == id_hash) return &slot.outcome;
    }
    return nullptr;
  }

 private:
  static constexpr size_t kWays = 8;
  struct Slot {
    uint64_t id_hash = 0;
    Outcome outcome{};
  };
  std::vector<Slot> slots_;
  std::vector<uint8_t> turns_;  // of each bucket: how often it was written, modulo 256
};

}  // namespace sidepost
