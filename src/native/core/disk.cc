// The spool's side of the posts: what goes to disk, and what comes back from there.
#include <algorithm>
#include <cstring>
#include <utility>

#include "posts.h"

namespace sidepost {

namespace {

constexpr size_t kSpillBytes = 4 << 20;

}  // namespace

Record Posts::RecordOf(const Entry& entry) const {
  const Type& type = types_[entry.type];
  Record record;
  record.timestamp = entry.taken;
  record.topic = type.topic;
  record.type = type.type;
  record.id = entry.id();
  record.has_key = entry.has_key;
  record.key = entry.key();
  record.value = entry.value();
  record.header_count = entry.header_count;
  record.headers = entry.headers();
  return record;
}

uint32_t Posts::KeyOf(const Entry& entry) const {
  return KeyHash(types_[entry.type].topic, entry.has_key, entry.key());
}

// Where records wait on disk, half of the room is kept for them: otherwise live traffic could fill memory for ever.
bool Posts::MustGoToDisk(Body* body) const {
  if (!journal.on) return false;
  if (!HasRoom(body->alive, body->bytes)) return true;
  if (journal.behind() == 0) return false;
  if (queue_->messages > max_messages_ / 2 || queue_->bytes > max_bytes_ / 2) return true;
  const Entry* const entries = body->entries();
  for (uint32_t i = 0; i < body->alive; i++) {
    if (journal.IsBehind(KeyOf(entries[i]))) return true;
  }
  return false;
}

void Posts::TakeToDisk(Body* body) {
  const Entry* const entries = body->entries();
  for (uint32_t i = 0; i < body->alive; i++) journal.AddOnDisk(RecordOf(entries[i]));
  journal.EndBody();
  Ledger::Drop(body);
}

void Posts::Write(bool on) {
  journal.on = on;
  if (on || !spill_) return;
  spill_ = nullptr;
  spill_ended_ = false;
}

// One that was broken off goes on under its old numbers: what was written meanwhile has higher ones.
void Posts::Spill() {
  if (!spill_ended_) {
    journal.ContinueSpill();
  } else if (!spill_) {
    journal.BeginSpill();
  }
  spill_ = ledger_->first();
  spill_ended_ = true;
  spill_passed_ = 0;
}

size_t Posts::SpillNext() {
  Entry* const entry = std::exchange(spill_, spill_->next);
  spill_passed_ = std::max(spill_passed_, entry->chunk == 0 ? entry->dropped : entry->chunk);
  if (entry->chunk != 0) return 0;
  if (entry->dropped != 0) return SpillDropped(entry);
  journal.PassWritten(spill_passed_);
  return SpillOne(entry);
}

// Its number stands for all of it: a part that was written alone would be replaced by the next.
size_t Posts::SpillDropped(Entry* first) {
  const auto dropped = dropped_.find(first->dropped);
  size_t bytes = 0;
  journal.EndSpilled();
  for (Entry* entry = first; entry && dropped->second > 0; entry = entry->next) {
    if (entry->chunk != 0 || entry->dropped != dropped->first) continue;
    bytes += SpillOne(entry);
    dropped->second--;
  }
  journal.EndSpilled();
  dropped_.erase(dropped);
  return bytes;
}

size_t Posts::SpillOne(Entry* entry) {
  journal.AddSpilled(entry, RecordOf(*entry));
  return entry->value_size + entry->key_size + entry->headers_size;
}

// All at once it would be there three times: in the ledger, in chunks, and in JavaScript's copies of them.
std::vector<Chunk> Posts::TakeChunks() {
  size_t bytes = 0;
  while (spill_ && bytes < kSpillBytes) {
    const Body* const body = spill_->body;
    while (spill_ && spill_->body == body) bytes += SpillNext();
    journal.EndBody();
  }
  return journal.Take();
}

void Posts::DropChunks(const std::unordered_set<uint64_t>& numbers, std::string_view keys) {
  for (const uint64_t number : numbers) journal.Drop(number);
  for (Entry* entry = ledger_->first(); entry; entry = entry->next) {
    if (numbers.count(entry->chunk) == 0) continue;
    entry->dropped = std::exchange(entry->chunk, 0);
    dropped_[entry->dropped]++;
  }
  EachKey(keys, [this](uint32_t key) { journal.RemoveBehind(key); });
}

void Posts::ForgetDropped(uint64_t number) {
  const auto dropped = dropped_.find(number);
  if (--dropped->second == 0) dropped_.erase(dropped);
}

bool Posts::Replay(std::string_view records, uint64_t number, std::string_view settled) {
  std::vector<Record> read;
  for (size_t at = 0; at < records.size();) {
    Record record;
    const size_t size = ReadRecord(records.substr(at), &record);
    if (size == 0) return false;
    at += size;
    read.push_back(record);
  }
  if (!settled.empty() && settled.size() != read.size() * sizeof(Outcome)) return false;
  std::vector<Outcome> outcomes(read.size(), {-1, -1, -1, kStored, 0});
  if (!settled.empty()) memcpy(outcomes.data(), settled.data(), settled.size());
  size_t left = 0, bytes = 0;
  for (size_t i = 0; i < read.size(); i++) {
    const Record& record = read[i];
    journal.RemoveBehind(KeyHash(record.topic, record.has_key, record.key));
    outcomes[i].type = static_cast<uint16_t>(TypeFor(record));
    if (outcomes[i].code != kStored) continue;
    left++;
    bytes += record.value.size() + record.key.size() + record.id.size() + record.headers.size();
  }
  if (left > 0) {
    char* to = nullptr;
    Body* const body = Ledger::Open(left, Ledger::BodySize(left, bytes), &to);
    Entry* entry = body->entries();
    for (uint32_t i = 0; i < read.size(); i++) {
      if (outcomes[i].code != kStored) continue;
      entry->type = outcomes[i].type;
      entry->chunk = number;
      entry->place = i;
      to = Refill(read[i], entry, to);
      held_.push_back(entry++);
    }
    ledger_->Append(body);
  }
  journal.Replay(number, std::move(outcomes));
  return true;
}

/// Makes an entry of a record, and returns the end of its bytes.
char* Posts::Refill(const Record& record, Entry* entry, char* to) {
  entry->taken = record.timestamp;
  entry->id_hash = IdHash(record.id);
  entry->promised = true;
  entry->has_key = record.has_key;
  entry->header_count = static_cast<uint16_t>(record.header_count);
  entry->bytes = to;
  entry->value_size = static_cast<uint32_t>(record.value.size());
  entry->key_size = static_cast<uint32_t>(record.key.size());
  entry->id_size = static_cast<uint32_t>(record.id.size());
  entry->headers_size = static_cast<uint32_t>(record.headers.size());
  for (const std::string_view part : {record.value, record.key, record.id, record.headers}) {
    to += part.copy(to, part.size());
  }
  Ledger::CountCopies(entry);
  return to;
}

/// The configuration may have changed since the record was written.
uint32_t Posts::TypeFor(const Record& record) {
  uint32_t type = 0;
  while (type < types_.size() && (types_[type].type != record.type || types_[type].topic != record.topic)) type++;
  if (type == types_.size()) types_.push_back({std::string(record.type), std::string(record.topic), ""});
  return type;
}

void Posts::KeepRefused(const Entry& entry, int code) {
  refused_.push_back({entry.id_hash, code, {}});
  AppendRecord(refused_.back().record, RecordOf(entry));
}

Napi::Value Posts::Find(std::string_view id) const {
  const uint64_t hash = IdHash(id);
  auto found = Napi::Object::New(env_);
  if (const Outcome* outcome = recent_.Find(hash)) {
    found.Set("code", Napi::Number::New(env_, outcome->code));
    found.Set("topic", types_[outcome->type].topic);
    found.Set("partition", Napi::Number::New(env_, outcome->partition));
    found.Set("offset", Napi::Number::New(env_, outcome->offset));
    found.Set("timestamp", Napi::Number::New(env_, outcome->timestamp));
    return found;
  }
  for (const Entry* entry = ledger_->first(); entry; entry = entry->next) {
    if (entry->id_hash != hash) continue;
    found.Set("chunk", Napi::Number::New(env_, static_cast<double>(entry->chunk)));
    return found;
  }
  return env_.Undefined();
}

}  // namespace sidepost
