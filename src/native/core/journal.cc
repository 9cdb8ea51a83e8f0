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

void Journal::AddInMemory(Entry* entry, const Record& record) {
  entry->chunk = number_;
  entry->place = in_memory_.count;
  Add(in_memory_, record);
  State& state = states_[number_];
  state.open = true;
  state.missing++;
  state.promised += entry->promised;
  state.outcomes.push_back(kUnsettled);
}

void Journal::AddOnDisk(const Record& record) {
  Add(on_disk_, record);
  AddBehind(KeyHash(record.topic, record.has_key, record.key));
}

std::vector<Chunk> Journal::Take() {
  std::vector<Chunk> taken;
  if (in_memory_.count > 0) {
    State& state = states_[number_];
    state.open = false;
    in_memory_.number = number_;
    if (state.missing == 0 && state.promised == 0) {
      states_.erase(number_);  // all of it is settled, and nobody was told that it is on disk
    } else {
      taken.push_back(std::exchange(in_memory_, {}));
      FinishIfDone(number_, state);
    }
    in_memory_ = {};
  }
  if (on_disk_.count > 0) {
    on_disk_.number = number_ + 1;
    on_disk_.alone = true;
    taken.push_back(std::exchange(on_disk_, {}));
  }
  number_ += 2;
  return taken;
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
