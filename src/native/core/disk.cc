// The spool's side of the posts: what goes to disk, and what comes back from there.
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
  spill_passed_ = false;
}

void Posts::SpillNext() {
  const uint64_t number = spill_->chunk == 0 ? spill_->dropped : spill_->chunk;
  if (journal.IsAfterSpilled(number)) spill_passed_ = true;
  if (spill_->chunk == 0) {
    if (number == 0 && std::exchange(spill_passed_, false)) journal.PassWritten();
    journal.AddSpilled(spill_, RecordOf(*spill_));
  }
  spill_ = spill_->next;
}

// All at once it would be there three times: in the ledger, in chunks, and in JavaScript's copies of them.
std::vector<Chunk> Posts::TakeChunks() {
  size_t bytes = 0;
  while (spill_ && bytes < kSpillBytes) {
    const Body* const body = spill_->body;
    for (; spill_ && spill_->body == body; SpillNext()) {
      if (spill_->chunk == 0) bytes += spill_->value_size + spill_->key_size + spill_->headers_size;
    }
    journal.EndBody();
  }
  return journal.Take();
}

void Posts::DropChunk(uint64_t number, std::string_view keys) {
  journal.Drop(number);
  for (Entry* entry = ledger_->first(); entry; entry = entry->next) {
    if (entry->chunk == number) entry->dropped = std::exchange(entry->chunk, 0);
  }
  EachKey(keys, [this](uint32_t key) { journal.RemoveBehind(key); });
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
