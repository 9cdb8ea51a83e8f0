// What goes to disk: the events of one moment, and what became of those that are there.
#pragma once
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "ledger.h"
#include "record.h"

namespace sidepost {

/// The events of one moment, ready for the spool (src/domain/ports.ts, Chunk).
struct Chunk {
  bool alone = false;  // its events are on disk alone
  uint64_t number = 0;
  uint32_t count = 0;
  std::string bytes;
  std::string keys;
  std::string ids;
};

/// Reads the hashes of Chunk::keys.
template <typename Use>
void EachKey(std::string_view keys, Use use) {
  for (; keys.size() >= sizeof(uint32_t); keys.remove_prefix(sizeof(uint32_t))) {
    uint32_t key;
    memcpy(&key, keys.data(), sizeof key);
    use(key);
  }
}

/// What became of one record: 24 bytes, little-endian, as src/domain/ports.ts says of Outcomes.
struct Outcome {
  double offset;
  double timestamp;
  int32_t partition;
  int16_t code;
  uint16_t type;
};
static_assert(sizeof(Outcome) == 24, "the spool keeps them as they are");

/// In place of a code: the event is not settled, and on disk.
constexpr int16_t kStored = -1005;
/// In place of a failed event's offset: Kafka surely does not have it.
constexpr int64_t kNowhere = -2;

/// JavaScript thread only.
///
/// Two chunks are filled at a time. One takes events that are in memory as well, the other those that are on disk alone.
/// The first has the lower number: an event of a key goes to disk alone after those of its key that went to memory, and
/// to memory again only when it has been replayed. A third takes what was in memory before anything was written, little
/// by little and under numbers lower than theirs.
class Journal {
 public:
  /// Whether events are written at all.
  bool on = false;

  /// The next moment's chunks get at least this number and the one after it. No number comes twice: a new file may know
  /// none of those of the chunks that are here.
  void StartAt(uint64_t number) { number_ = std::max(number_, number); }

  void AddInMemory(Entry* entry, const Record& record);
  void AddOnDisk(const Record& record);
  /// What AddSpilled() gets from now on, in the order taken, is older than what the others get.
  void BeginSpill();
  /// The spill that was broken off goes on: AddSpilled() gets the rest of what is older than all that was written
  /// meanwhile, and after PassWritten() what was taken later than a chunk of that number.
  void ContinueSpill() { later_spill_numbers_.push_back(ReserveForSpill()); }
  void PassWritten(uint64_t number);
  void AddSpilled(Entry* entry, const Record& record);
  /// What AddSpilled() gets next goes into another chunk.
  void EndSpilled();
  /// The events of a body lie in one chunk: this was its last.
  void EndBody();
  /// The chunks of this moment, those that need not be written left out.
  std::vector<Chunk> Take();

  /// A chunk that was read from disk; its events are entries now, but for those that were settled before: `outcomes` has
  /// all of them, kStored where there is no outcome yet.
  void Replay(uint64_t number, std::vector<Outcome> outcomes);
  void Settle(const Entry& entry, const Outcome& outcome);

  /// Forgets a chunk that could not be written.
  void Drop(uint64_t number) { states_.erase(number); }

  struct Settled {
    uint64_t number;
    bool replayed;
    std::vector<Outcome> outcomes;
  };
  /// The chunks whose records are all settled, each once.
  std::vector<Settled> TakeSettled();
  /// Chunks of which some records are settled, and others kStored: those that this call finds for the second time, and
  /// each again only when more of it is settled. `all`: every one, for the end.
  std::vector<Settled> TakePartlySettled(bool all);

  /// Whether live events of the key must go to disk, behind those that are there alone. 0 is no key.
  bool IsBehind(uint32_t key) const { return key != 0 && behind_[key % kSlots] > 0; }
  void AddBehind(uint32_t key);
  void RemoveBehind(uint32_t key);
  /// Records on disk alone.
  size_t behind() const { return records_behind_; }

 private:
  struct State {
    bool replayed = false;
    bool open = false;
    bool touched = false;  // among touched_ or ripe_
    uint32_t missing = 0;
    uint32_t promised = 0;
    std::vector<Outcome> outcomes;
  };
  static void Add(Chunk& chunk, const Record& record);
  void Add(Chunk& chunk, uint64_t number, Entry* entry, const Record& record);
  uint64_t ReserveForSpill();
  /// Begins new chunks.
  void Close();
  /// Nothing more comes to a chunk. False where it need not be written.
  bool Seal(uint64_t number);
  void FinishIfDone(uint64_t number, State& state);

  // Keys share slots: then one waits for the other, which costs time and no order.
  static constexpr size_t kSlots = 1 << 16;
  // A chunk is read back as a whole, and lies in memory some times over meanwhile: none becomes much larger,
  // unless one body is.
  static constexpr size_t kChunkBytes = 1 << 20;
  // More chunks than memory fills.
  static constexpr uint64_t kSpillNumbers = 1 << 20;

  uint64_t number_ = 1;
  uint64_t spill_number_ = 0;
  std::deque<uint64_t> later_spill_numbers_;
  Chunk in_memory_;
  Chunk on_disk_;
  Chunk spilled_;
  std::vector<Chunk> full_;
  std::unordered_map<uint64_t, State> states_;
  std::vector<Settled> settled_;
  std::vector<uint64_t> touched_;  // chunks of which something was settled since the last TakePartlySettled()
  std::vector<uint64_t> ripe_;     // and before it
  std::vector<uint32_t> behind_ = std::vector<uint32_t>(kSlots, 0);
  size_t records_behind_ = 0;
};

}  // namespace sidepost
