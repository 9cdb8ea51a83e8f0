#include "posts.h"

#include <sys/time.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <utility>

#include "receipt.h"

namespace sidepost {

namespace {

constexpr size_t kColumns = 5;
constexpr size_t kKeptValue = 1 << 20;

constexpr double kOnItsWay = std::numeric_limits<double>::quiet_NaN();

int64_t NowMilliseconds() {
  timeval now;
  gettimeofday(&now, nullptr);
  return int64_t{now.tv_sec} * 1000 + now.tv_usec / 1000;
}

// More than a record of format v2 can add to its key, value and headers, length prefixes and all.
constexpr size_t kRecordOverhead = 100;
constexpr size_t kHeaderOverhead = 10;

void AddHeader(rd_kafka_headers_t* headers, std::string_view name, std::string_view value) {
  rd_kafka_header_add(headers, name.data(), static_cast<ssize_t>(name.size()), value.data(),
                      static_cast<ssize_t>(value.size()));
}

}  // namespace

Posts::Posts(Napi::Env env, PostOptions options, Queue* queue)
    : env_(env),
      queue_(queue),
      scanner_(options.scan),
      one_scanner_(WithoutType(options.scan)),
      source_(std::move(options.source)),
      binary_(options.binary),
      max_messages_(options.max_messages),
      max_bytes_(options.max_bytes),
      max_message_bytes_(options.max_message_bytes) {
  for (const PostOptions::Event& event : options.events) {
    Type type{event.type, event.topic, EnvelopeMiddle(source_, event.type)};
    rd_kafka_headers_t* headers = Headers(scanner_, {}, type, "", "");
    type.own_bytes = HeaderBytes(headers, kHeaderMemory) + (binary_ ? 0 : EnvelopeBound(type.middle, "", "", ""));
    rd_kafka_headers_destroy(headers);
    type.made_id = IdGenerator::Size(type.type) - type.type.size() + EscapedSize(type.type);
    types_.push_back(std::move(type));
  }
}

Posts::~Posts() {
  for (Held& held : held_) {
    free(held.value);
    rd_kafka_headers_destroy(held.headers);
  }
}

Napi::Value Posts::ProduceOne(std::string_view body, size_t type, void* carried, rd_kafka_t* handle,
                              const TopicOf& topic_of) {
  const ScanResult scan = one_scanner_.Scan(body, Framing::kOne);
  if (scan.status != ScanStatus::kOk) {
    one_scanner_.Clear();
    return Napi::Number::New(env_, Refused(scan));
  }
  ids_.clear();
  Message message = Compose(one_scanner_, one_scanner_.events().front(), type, Now());
  message.topic = topic_of(types_[type].topic);
  message.carried = carried;
  const rd_kafka_resp_err_t code = Take(type, message, handle);
  taken_in_turn_++;
  if (code) {
    rd_kafka_headers_destroy(message.headers);
  } else {
    types_[type].refused = false;
  }
  one_scanner_.Clear();
  if (code) return Napi::Number::New(env_, code);
  return Napi::String::New(env_, ids_.data(), ids_.size() - 1);
}

// What librdkafka would refuse is refused here: of an event that is held nobody can be told later.
rd_kafka_resp_err_t Posts::Take(size_t type, const Message& message, rd_kafka_t* handle) {
  if (!message.topic) return RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC;
  const size_t size =
      message.value_size + message.key_size + HeaderBytes(message.headers, kHeaderOverhead) + kRecordOverhead;
  if (size > max_message_bytes_) return RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE;
  if (!HasRoom(1, QueueBytes(message))) return RD_KAFKA_RESP_ERR__QUEUE_FULL;
  if (types_[type].refused || (lonely_ && queue_->messages == 0)) return Enqueue(handle, message);
  Hold(type, message);
  return RD_KAFKA_RESP_ERR_NO_ERROR;
}

void Posts::Hold(size_t type, const Message& message) {
  char* value = static_cast<char*>(malloc(message.value_size));
  memcpy(value, message.value, message.value_size);
  held_.push_back({type, message.topic, value, message.value_size, message.key != nullptr,
                   std::string(static_cast<const char*>(message.key), message.key_size), message.headers,
                   message.carried});
  queue_->Add(QueueBytes(message));
}

void Posts::HandOver(rd_kafka_t* handle, Reports* reports) {
  lonely_ = std::exchange(taken_in_turn_, 0) <= 1;
  for (Held& held : std::exchange(held_, {})) {
    Message message;
    message.topic = held.topic;
    message.value = held.value;
    message.value_size = held.value_size;
    message.owned = true;
    if (held.has_key) {
      message.key = held.key.data();
      message.key_size = held.key.size();
    }
    message.headers = held.headers;
    message.carried = held.carried;
    const rd_kafka_resp_err_t code = sidepost::Enqueue(handle, message);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) continue;
    types_[held.type].refused = true;
    queue_->messages--;
    queue_->bytes -= QueueBytes(message);
    reports->AddRefused(message, code);
    free(held.value);
    rd_kafka_headers_destroy(held.headers);
  }
}

Napi::Value Posts::ProduceBatch(std::string_view body, bool ndjson, bool receipts, Napi::Function done,
                                rd_kafka_t* handle, const TopicOf& topic_of) {
  auto refuse = [&](int reason) {
    scanner_.Clear();
    return Napi::Number::New(env_, reason);
  };
  const ScanResult scan = scanner_.Scan(body, ndjson ? Framing::kLines : Framing::kArray);
  if (scan.status != ScanStatus::kOk) return refuse(Refused(scan));
  const size_t count = scanner_.events().size();
  size_t bytes = 0;
  for (const ScannedEvent& event : scanner_.events()) bytes += QueueBound(event);
  if (count > max_messages_ || bytes > max_bytes_) return refuse(kTooMuch);
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

int Posts::Refused(const ScanResult& scan) {
  if (scan.status == ScanStatus::kInvalid) return kInvalid;
  broken_at = scan.offset;
  return kMalformed;
}

// Only this thread adds to the queue, so room that is here now is still here while the batch is put in.
bool Posts::HasRoom(size_t events, size_t bytes) const {
  return queue_->messages + events <= max_messages_ && queue_->bytes + bytes <= max_bytes_;
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

rd_kafka_resp_err_t Posts::Enqueue(rd_kafka_t* handle, const Message& message) {
  const size_t bytes = QueueBytes(message);
  const rd_kafka_resp_err_t code = sidepost::Enqueue(handle, message);
  if (code == RD_KAFKA_RESP_ERR_NO_ERROR) queue_->Add(bytes);
  return code;
}

// A moment is rendered once a millisecond: strftime takes longer than all the rest of an event.
const Moment& Posts::Now() {
  const int64_t now = NowMilliseconds();
  if (now != now_ms_) {
    now_ms_ = now;
    now_ = RenderMoment(now);
  }
  return now_;
}

Message Posts::Compose(const Scanner& scanner, const ScannedEvent& event, size_t type_index, const Moment& now) {
  const Type& type = types_[type_index];
  char made_id[kMaxMadeId];
  std::string_view id = event.id;
  if (!IsPresent(id)) id = {made_id, static_cast<size_t>(id_generator_.Next(made_id, type.type, now) - made_id)};
  const std::string_view time = IsPresent(event.time) ? event.time : std::string_view(now.time, sizeof now.time - 1);
  ids_.append(id).push_back('\n');

  Message message;
  const std::string_view value = binary_ ? event.data : Value(event, type, id, time);
  message.value = value.data();
  message.value_size = value.size();
  if (IsPresent(event.key)) {
    message.key = event.key.data();
    message.key_size = event.key.size();
  }
  message.headers = Headers(scanner, event, type, id, time);
  return message;
}

std::string_view Posts::Value(const ScannedEvent& event, const Type& type, std::string_view id,
                                std::string_view time) {
  const size_t bound = EnvelopeBound(type.middle, id, time, event.data);
  if (value_.size() < bound || value_.size() > kKeptValue) {
    value_.resize(bound < kKeptValue ? std::max<size_t>(bound, 4096) : bound);
    value_.shrink_to_fit();
  }
  const char* end = WriteEnvelope(value_.data(), type.middle, id, time, event.data);
  return {value_.data(), static_cast<size_t>(end - value_.data())};
}

// https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/kafka-protocol-binding.md, 3.2 and 3.3
rd_kafka_headers_t* Posts::Headers(const Scanner& scanner, const ScannedEvent& event, const Type& type,
                                   std::string_view id, std::string_view time) {
  rd_kafka_headers_t* headers = rd_kafka_headers_new(event.header_count + 6);
  if (binary_) {
    AddHeader(headers, "ce_specversion", "1.0");
    AddHeader(headers, "ce_id", id);
    AddHeader(headers, "ce_source", source_);
    AddHeader(headers, "ce_type", type.type);
    AddHeader(headers, "ce_time", time);
    AddHeader(headers, "content-type", "application/json");
  } else {
    AddHeader(headers, "content-type", "application/cloudevents+json; charset=UTF-8");
  }
  for (uint32_t i = 0; i < event.header_count; i++) {
    const ScannedHeader& header = scanner.headers()[event.first_header + i];
    AddHeader(headers, header.name, header.value);
  }
  return headers;
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
