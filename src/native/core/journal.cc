#include "journal.h"

#include <utility>

namespace sidepost {

namespace {

constexpr Outcome kUnsettled{-1, -1, -1, kStored, 0};

template <typename Number>
void Put(std::string& to, Number number) {
  to.append(reinterpret_cast<const char*>(&number), sizeof number);
}

}  // namespace

void Journal::Add(Chunk& chunk, const Record& record) {
  AppendRecord(chunk.bytes, record);
  Put(chunk.keys, KeyHash(record.topic, record.has_key, record.key));
  Put(chunk.ids, IdHash(record.id));
  chunk.count++;
}

void Journal::Add(Chunk& chunk, uint64_t number, Entry* entry, const Record& record) {
  if (chunk.count == 0) chunk.number = number;
  entry->chunk = chunk.number;
  entry->place = chunk.count;
  Add(chunk, record);
  State& state = states_[chunk.number];
  state.open = true;
  state.replayed = !entry->carried;
  state.missing++;
  state.promised += entry->promised;
  state.outcomes.push_back(kUnsettled);
}

void Journal::AddInMemory(Entry* entry, const Record& record) { Add(in_memory_, number_, entry, record); }

void Journal::AddOnDisk(const Record& record) {
  Add(on_disk_, record);
  AddBehind(KeyHash(record.topic, record.has_key, record.key));
}

void Journal::EndBody() {
  for (const Chunk* chunk : {&in_memory_, &on_disk_, &spilled_}) {
    if (chunk->bytes.size() >= kChunkBytes) return Close();
  }
}

// The chunks that are being filled have two numbers.
void Journal::BeginSpill() {
  spill_number_ = ReserveForSpill();
  later_spill_numbers_.clear();
}

void Journal::PassWritten(uint64_t number) {
  while (spill_number_ < number && !later_spill_numbers_.empty()) {
    spill_number_ = later_spill_numbers_.front();
    later_spill_numbers_.pop_front();
  }
}

uint64_t Journal::ReserveForSpill() {
  const uint64_t first = number_ + 2;
  number_ += kSpillNumbers;
  return first;
}

// Under its old number an event still comes before those of its key that were written meanwhile.
void Journal::AddSpilled(Entry* entry, const Record& record) {
  Add(spilled_, entry->dropped == 0 ? spill_number_ : entry->dropped, entry, record);
}

void Journal::EndSpilled() {
  if (spilled_.count == 0) return;
  if (spilled_.number == spill_number_) spill_number_++;
  full_.push_back(std::exchange(spilled_, {}));
}

void Journal::Close() {
  EndSpilled();
  if (in_memory_.count > 0) full_.push_back(std::exchange(in_memory_, {}));
  if (on_disk_.count > 0) {
    on_disk_.number = number_ + 1;
    on_disk_.alone = true;
    full_.push_back(std::exchange(on_disk_, {}));
  }
  number_ += 2;
}

std::vector<Chunk> Journal::Take() {
  Close();
  std::vector<Chunk> taken;
  for (Chunk& chunk : full_) {
    if (chunk.alone || Seal(chunk.number)) taken.push_back(std::move(chunk));
  }
  full_.clear();
  return taken;
}

// What is all settled, and of which nobody was told that it is on disk, need not go there.
bool Journal::Seal(uint64_t number) {
  State& state = states_[number];
  state.open = false;
  const bool needed = state.missing > 0 || state.promised > 0;
  if (!needed) states_.erase(number);
  if (needed) FinishIfDone(number, state);
  return needed;
}

void Journal::Replay(uint64_t number, std::vector<Outcome> outcomes) {
  State& state = states_[number];
  state.replayed = true;
  for (const Outcome& outcome : outcomes) state.missing += outcome.code == kStored;
  state.outcomes = std::move(outcomes);
  FinishIfDone(number, state);
}

void Journal::Settle(const Entry& entry, const Outcome& outcome) {
  const auto known = states_.find(entry.chunk);
  if (known == states_.end()) return;
  State& state = known->second;
  state.outcomes[entry.place] = outcome;
  state.missing--;
  const bool partly = state.open || state.missing > 0;
  if (partly && !std::exchange(state.touched, true)) touched_.push_back(entry.chunk);
  FinishIfDone(entry.chunk, state);
}

void Journal::FinishIfDone(uint64_t number, State& state) {
  if (state.open || state.missing > 0) return;
  settled_.push_back({number, state.replayed, std::move(state.outcomes)});
  states_.erase(number);
}

std::vector<Journal::Settled> Journal::TakeSettled() { return std::exchange(settled_, {}); }

std::vector<Journal::Settled> Journal::TakePartlySettled(bool all) {
  std::vector<uint64_t> numbers = std::exchange(ripe_, std::exchange(touched_, {}));
  if (all) {
    numbers.clear();
    for (const auto& [number, state] : states_) {
      if (state.missing < state.outcomes.size()) numbers.push_back(number);
    }
  }
  std::vector<Settled> taken;
  for (const uint64_t number : numbers) {
    const auto known = states_.find(number);
    if (known == states_.end()) continue;
    State& state = known->second;
    if (state.open) {
      touched_.push_back(number);
      continue;
    }
    state.touched = false;
    taken.push_back({number, state.replayed, state.outcomes});
  }
  return taken;
}

void Journal::AddBehind(uint32_t key) {
  records_behind_++;
  if (key != 0) behind_[key % kSlots]++;
}

void Journal::RemoveBehind(uint32_t key) {
  records_behind_--;
  if (key != 0) behind_[key % kSlots]--;
}

}  // namespace sidepost
