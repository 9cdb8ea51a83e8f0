#include "reports.h"

#include <cstdint>
#include <utility>

namespace sidepost {

namespace {

// What reports.js reads: code, topic, partition, offset, timestamp, slot, key at, key length, value at, value length.
constexpr size_t kColumns = 10;
constexpr size_t kRows = 1024;
constexpr size_t kKeptPool = 1 << 20;

// librdkafka carries one pointer a message. Ours are odd for a slot; those of posts.h are addresses, thus even; null is none.
void* SlotPointer(uint32_t slot) { return reinterpret_cast<void*>((static_cast<uintptr_t>(slot) << 1) | 1); }
uint32_t PointerSlot(const void* pointer) { return static_cast<uint32_t>(reinterpret_cast<uintptr_t>(pointer) >> 1); }

const char kReportsScript[] =
#include "reports_js.inc"
    ;

}  // namespace

Napi::Function LoadDeliver(Napi::Env env) {
  napi_value result;
  if (napi_run_script(env, Napi::String::New(env, kReportsScript), &result) != napi_ok) return Napi::Function();
  return Napi::Function(env, result);
}

Reports::Reports(Napi::Env env) : env_(env) {
  Napi::HandleScope scope(env);
  deliver_ = Napi::Persistent(LoadDeliver(env));
  OpenTable();
  slots_ = Napi::Reference<Napi::Array>::New(Napi::Array::New(env), 1);
  topics_ = Napi::Reference<Napi::Array>::New(Napi::Array::New(env), 1);
}

void Reports::OpenTable() {
  Napi::HandleScope scope(env_);
  auto table = Napi::Float64Array::New(env_, kRows * kColumns);
  rows_ = table.Data();
  table_ = Napi::Reference<Napi::Float64Array>::New(table, 1);
}

void Reports::SetListener(Napi::Function listener, bool with_value) {
  listener_ = Napi::Persistent(listener);
  with_value_ = with_value;
}

void Reports::ClearListener() { listener_.Reset(); }

void* Reports::Keep(Napi::Value opaque) {
  if (opaque.IsUndefined()) return nullptr;
  uint32_t slot;
  if (free_slots_.empty()) {
    slot = next_slot_++;
  } else {
    slot = free_slots_.back();
    free_slots_.pop_back();
  }
  napi_set_element(env_, slots_.Value(), slot, opaque);
  return SlotPointer(slot);
}

void Reports::Release(void* carried) {
  if (!carried) return;
  const uint32_t slot = PointerSlot(carried);
  napi_set_element(env_, slots_.Value(), slot, env_.Undefined());
  free_slots_.push_back(slot);
}

void Reports::Forget() {
  slots_ = Napi::Reference<Napi::Array>::New(Napi::Array::New(env_), 1);
  free_slots_.clear();
  next_slot_ = 0;
  // The next client's topics may well lie at the addresses of this one's.
  topics_ = Napi::Reference<Napi::Array>::New(Napi::Array::New(env_), 1);
  topic_indexes_.clear();
  last_topic_ = nullptr;
}

uint32_t Reports::TopicIndex(rd_kafka_topic_t* topic) {
  if (topic == last_topic_) return last_topic_index_;
  auto known = topic_indexes_.find(topic);
  if (known == topic_indexes_.end()) {
    const uint32_t index = static_cast<uint32_t>(topic_indexes_.size());
    topics_.Value().Set(index, Napi::String::New(env_, rd_kafka_topic_name(topic)));
    known = topic_indexes_.emplace(topic, index).first;
  }
  last_topic_ = topic;
  return last_topic_index_ = known->second;
}

void Reports::Add(const rd_kafka_message_t* message) {
  AddPosted(message, message->_private, message->err, message->offset);
}

void Reports::AddPosted(const rd_kafka_message_t* message, void* carried, int code, int64_t offset) {
  rd_kafka_timestamp_type_t type;
  const int64_t timestamp = rd_kafka_message_timestamp(message, &type);
  Message reported;
  reported.topic = message->rkt;
  reported.partition = message->partition;
  reported.value = message->payload;
  reported.value_size = message->len;
  reported.key = message->key;
  reported.key_size = message->key_len;
  reported.carried = carried;
  AddRow(reported, code, offset, type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE ? -1 : timestamp);
}

void Reports::AddRefused(const Message& message, rd_kafka_resp_err_t code, int64_t offset) {
  AddRow(message, code, offset, -1);
}

void Reports::AddRow(const Message& message, int code, int64_t offset, int64_t timestamp) {
  if (message.carried) used_slots_.push_back(PointerSlot(message.carried));
  if (table_.IsEmpty()) OpenTable();
  double* row = rows_ + count_ * kColumns;
  row[0] = code;
  row[1] = TopicIndex(message.topic);
  row[2] = message.partition;
  row[3] = static_cast<double>(offset);
  row[4] = static_cast<double>(timestamp);
  row[5] = message.carried ? static_cast<double>(PointerSlot(message.carried)) : -1;
  row[6] = Pooled(message.key, message.key_size);
  row[7] = static_cast<double>(message.key_size);
  row[8] = with_value_ ? Pooled(message.value, message.value_size) : -1;
  row[9] = static_cast<double>(message.value_size);
  if (++count_ == kRows) Deliver();
}

double Reports::Pooled(const void* bytes, size_t size) {
  if (!bytes) return -1;
  const size_t at = pool_.size();
  pool_.insert(pool_.end(), static_cast<const char*>(bytes), static_cast<const char*>(bytes) + size);
  return static_cast<double>(at);
}

// A report's Buffers are copies of their own, so that keeping one key keeps one key, not the whole pool.
Napi::Value Reports::Pool() {
  bool any = false;
  for (size_t i = 0; i < count_ && !any; i++) any = rows_[i * kColumns + 6] >= 0 || rows_[i * kColumns + 8] >= 0;
  if (!any) return env_.Undefined();
  return Napi::Buffer<char>::Copy(env_, pool_.data(), pool_.size());
}

// A listener may cause further reports, and have them delivered too: so these rows are out of their reach until all are
// read, and so are the slots that they name.
void Reports::Deliver() {
  if (count_ == 0) return;
  Napi::HandleScope scope(env_);
  Napi::Value pool = Pool();
  pool_.clear();
  if (pool_.capacity() > kKeptPool) pool_.shrink_to_fit();
  auto table = std::exchange(table_, {});
  double* const rows = std::exchange(rows_, nullptr);
  const std::vector<uint32_t> used_slots = std::exchange(used_slots_, {});
  const size_t count = std::exchange(count_, 0);
  if (listener_.IsEmpty()) {
    for (uint32_t slot : used_slots) napi_set_element(env_, slots_.Value(), slot, env_.Undefined());
  } else {
    deliver_.Call({listener_.Value(), table.Value(), Napi::Number::New(env_, static_cast<double>(count)),
                   topics_.Value(), slots_.Value(), pool, Napi::Boolean::New(env_, with_value_)});
  }
  free_slots_.insert(free_slots_.end(), used_slots.begin(), used_slots.end());
  if (!table_.IsEmpty()) return;
  table_ = std::move(table);
  rows_ = rows;
}

}  // namespace sidepost
