// The batches among the posts: many events in one body, one completion for all.
#include <algorithm>
#include <limits>
#include <utility>

#include "posts.h"
#include "receipt.h"

namespace sidepost {

namespace {

constexpr size_t kColumns = 5;
constexpr double kOnItsWay = std::numeric_limits<double>::quiet_NaN();

}  // namespace

Napi::Value Posts::ProduceBatch(std::string_view body, bool ndjson, bool receipts, Napi::Function done,
                                rd_kafka_t* handle, const TopicOf& topic_of) {
  auto refuse = [&](int reason) {
    scanner_.Clear();
    return Napi::Number::New(env_, reason);
  };
  size_t bytes = 0;
  if (const int reason = ScanBatch(body, ndjson, &bytes)) return refuse(reason);
  const size_t count = scanner_.events().size();
  if (!HasRoom(count, bytes)) return refuse(kNoRoom);

  ids_.clear();
  id_ends_.clear();
  Batch* batch = Open(count, done);
  EnqueueAll(batch, handle, topic_of);
  auto result = Napi::Object::New(env_);
  result.Set("table", batch->table.Value());
  result.Set("ids", Ids());
  batch->receipts = receipts;
  if (receipts) {
    batch->ids.swap(ids_);
    batch->id_ends.swap(id_ends_);
  }
  Complete(batch);
  scanner_.Clear();
  return result;
}

int Posts::ScanBatch(std::string_view body, bool ndjson, size_t* bytes) {
  const ScanResult scan = scanner_.Scan(body, ndjson ? Framing::kLines : Framing::kArray);
  if (scan.status != ScanStatus::kOk) return Refused(scan);
  for (const ScannedEvent& event : scanner_.events()) *bytes += QueueBound(event);
  return scanner_.events().size() > max_messages_ || *bytes > max_bytes_ ? kTooMuch : 0;
}

int Posts::CheckBatch(std::string_view body, bool ndjson) {
  size_t bytes = 0;
  const int reason = ScanBatch(body, ndjson, &bytes);
  scanner_.Clear();
  return reason;
}

// One string is cheaper than many, but only ids of our own making are known to hold no line feed.
Napi::Value Posts::Ids() {
  bool own = false;
  for (const ScannedEvent& event : scanner_.events()) own = own || IsPresent(event.id);
  if (!own) return Napi::String::New(env_, ids_);
  auto array = Napi::Array::New(env_, id_ends_.size());
  size_t start = 0;
  for (size_t i = 0; i < id_ends_.size(); i++) {
    array.Set(static_cast<uint32_t>(i), Napi::String::New(env_, ids_.data() + start, id_ends_[i] - 1 - start));
    start = id_ends_[i];
  }
  return array;
}

size_t Posts::QueueBound(const ScannedEvent& event) const {
  const Type& type = types_[event.type];
  size_t bytes = type.own_bytes + (IsPresent(event.id) ? EscapedSize(event.id) : type.made_id) +
                 (IsPresent(event.time) ? event.time.size() : sizeof now_.time) + event.data.size() + event.key.size();
  for (uint32_t i = 0; i < event.header_count; i++) {
    const ScannedHeader& header = scanner_.headers()[event.first_header + i];
    bytes += header.name.size() + header.value.size() + kHeaderMemory;
  }
  return bytes;
}

Posts::Batch* Posts::Open(size_t events, Napi::Function done) {
  auto batch = std::make_unique<Batch>();
  batch->items.resize(events);
  batch->missing = events + 1;  // one for the filling: events that fail at once cannot end the batch meanwhile
  auto table = Napi::Float64Array::New(env_, events * kColumns);
  batch->rows = table.Data();
  batch->table = Napi::Persistent(table);
  batch->done = Napi::Persistent(done);
  for (size_t i = 0; i < events; i++) batch->rows[i * kColumns] = kOnItsWay;
  Batch* opened = batch.get();
  open_.push_front(std::move(batch));
  opened->place = open_.begin();
  checked_ = opened;
  return opened;
}

double* Posts::RowsOf(Batch* batch) {
  if (batch == checked_) return batch->rows;
  Napi::HandleScope scope(env_);
  void* memory = nullptr;
  napi_get_typedarray_info(env_, batch->table.Value(), nullptr, nullptr, &memory, nullptr, nullptr);
  if (memory != batch->rows) batch->rows = nullptr;
  checked_ = batch;
  return batch->rows;
}

void Posts::EnqueueAll(Batch* batch, rd_kafka_t* handle, const TopicOf& topic_of) {
  const Moment& now = Now();
  std::vector<rd_kafka_topic_t*> topics(types_.size(), nullptr);
  const auto& events = scanner_.events();
  for (size_t i = 0; i < events.size(); i++) {
    const uint32_t type = events[i].type;
    Item* item = &batch->items[i];
    *item = {batch, static_cast<uint32_t>(i), type};
    batch->rows[i * kColumns + 1] = type;
    if (!topics[type]) topics[type] = topic_of(types_[type].topic);
    Message message = Compose(scanner_, events[i], type, now);
    message.topic = topics[type];
    message.carried = item;
    const rd_kafka_resp_err_t code = message.topic ? Enqueue(handle, message) : RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC;
    id_ends_.push_back(ids_.size());
    if (code) {
      rd_kafka_headers_destroy(message.headers);
      Book(item, code, -1, -1, -1);
    }
  }
}

void Posts::Book(Item* item, rd_kafka_resp_err_t code, int32_t partition, int64_t offset, int64_t timestamp) {
  Batch* batch = item->batch;
  if (double* rows = RowsOf(batch)) {
    double* row = rows + item->index * kColumns;
    row[0] = code;
    row[2] = partition;
    row[3] = static_cast<double>(offset);
    row[4] = static_cast<double>(timestamp);
  }
  Complete(batch);
}

void Posts::Complete(Batch* batch) {
  if (--batch->missing > 0) return;
  finished_.push_back(std::move(*batch->place));
  open_.erase(batch->place);
}

void Posts::Report(const rd_kafka_message_t* message) {
  rd_kafka_timestamp_type_t type;
  const int64_t timestamp = rd_kafka_message_timestamp(message, &type);
  Book(static_cast<Item*>(message->_private), message->err, message->partition, message->offset,
       type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE ? -1 : timestamp);
}

Napi::Value Posts::Receipts(Batch* batch) {
  ForgetChecks();
  const double* const rows = RowsOf(batch);
  if (!batch->receipts || !rows) return env_.Undefined();
  static constexpr std::string_view kHead = "{\"receipts\":[", kTail = "]}";
  const std::string_view ids(batch->ids);
  auto id = [&](size_t i) {
    const size_t start = i == 0 ? 0 : batch->id_ends[i - 1];
    return ids.substr(start, batch->id_ends[i] - 1 - start);
  };
  auto topic = [&](size_t i) -> std::string_view { return types_[batch->items[i].type].topic; };
  size_t bound = kHead.size() + kTail.size();
  for (size_t i = 0; i < batch->items.size(); i++) {
    const double* row = rows + i * kColumns;
    if (row[0] != 0) return env_.Undefined();
    bound += ReceiptBound(id(i), topic(i)) + 1;
  }
  if (value_.size() < bound) value_.resize(bound);
  char* to = value_.data() + kHead.copy(value_.data(), kHead.size());
  for (size_t i = 0; i < batch->items.size(); i++) {
    const double* row = rows + i * kColumns;
    if (i > 0) *to++ = ',';
    to = WriteReceipt(to, id(i), topic(i), static_cast<int32_t>(row[2]), static_cast<int64_t>(row[3]),
                      static_cast<int64_t>(row[4]));
  }
  to += kTail.copy(to, kTail.size());
  return Napi::Buffer<char>::Copy(env_, value_.data(), static_cast<size_t>(to - value_.data()));
}

void Posts::DeliverFinished() {
  for (auto& batch : std::exchange(finished_, {})) {
    Napi::HandleScope scope(env_);
    batch->done.Call({Receipts(batch.get())});
    if (env_.IsExceptionPending()) napi_fatal_exception(env_, env_.GetAndClearPendingException().Value());
  }
}

void Posts::Detach() {
  open_.clear();
  finished_.clear();
}
}  // namespace sidepost
