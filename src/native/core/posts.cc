#include "posts.h"

#include <sys/time.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "scan_binding.h"

namespace sidepost {

namespace {

constexpr size_t kColumns = 5;
constexpr size_t kKeptValue = 1 << 20;
// What an envelope adds to its data, ids and times included: generous, it only reserves room.
constexpr size_t kEnvelopeBytes = 256;

constexpr double kOnItsWay = std::numeric_limits<double>::quiet_NaN();
constexpr size_t kMadeId = 512;

int Refused(ScanStatus status) { return status == ScanStatus::kMalformed ? Posts::kMalformed : Posts::kInvalid; }

ScanSpec WithoutType(ScanSpec spec) {
  auto is_type = [](const MemberSpec& member) { return member.kind == MemberKind::kType; };
  spec.members.erase(std::remove_if(spec.members.begin(), spec.members.end(), is_type), spec.members.end());
  return spec;
}

int64_t NowMilliseconds() {
  timeval now;
  gettimeofday(&now, nullptr);
  return int64_t{now.tv_sec} * 1000 + now.tv_usec / 1000;
}

void AddHeader(rd_kafka_headers_t* headers, std::string_view name, std::string_view value) {
  rd_kafka_header_add(headers, name.data(), static_cast<ssize_t>(name.size()), value.data(),
                      static_cast<ssize_t>(value.size()));
}

}  // namespace

Posts::Posts(Napi::Env env, Napi::Object options)
    : env_(env),
      scanner_(ReadScanSpec(options.Get("scan").As<Napi::Object>())),
      one_scanner_(WithoutType(scanner_.spec())),
      source_(options.Get("source").ToString()),
      binary_(options.Get("binary").ToBoolean()),
      max_messages_(static_cast<size_t>(options.Get("maxMessages").ToNumber().Int64Value())),
      max_bytes_(static_cast<size_t>(options.Get("maxBytes").ToNumber().Int64Value())) {
  const auto events = options.Get("events").As<Napi::Array>();
  for (uint32_t i = 0; i < events.Length(); i++) {
    const auto event = events.Get(i).As<Napi::Object>();
    const std::string type = event.Get("type").ToString();
    types_.push_back({type, event.Get("topic").ToString(), EnvelopeMiddle(source_, type)});
    if (IdGenerator::Size(type) > kMadeId) Throw(env, "The event type is too long: " + type);
  }
}

Napi::Value Posts::ProduceOne(std::string_view body, size_t type, void* carried, rd_kafka_t* handle,
                              const TopicOf& topic_of) {
  const ScanResult scan = one_scanner_.Scan(body, Framing::kOne);
  Napi::Value result;
  if (scan.status != ScanStatus::kOk) {
    result = Napi::Number::New(env_, Refused(scan.status));
  } else {
    ids_.clear();
    rd_kafka_topic_t* topic = topic_of(types_[type].topic);
    const rd_kafka_resp_err_t code = Enqueue(one_scanner_, one_scanner_.events().front(), type,
                                             RenderMoment(NowMilliseconds()), carried, handle, topic);
    result = code ? Napi::Value(Napi::Number::New(env_, code))
                  : Napi::Value(Napi::String::New(env_, ids_.data(), ids_.size() - 1));
  }
  one_scanner_.Clear();
  return result;
}

Napi::Value Posts::ProduceBatch(std::string_view body, bool ndjson, Napi::Function done, rd_kafka_t* handle,
                                const TopicOf& topic_of) {
  auto refuse = [&](int reason) {
    scanner_.Clear();
    return Napi::Number::New(env_, reason);
  };
  const ScanResult scan = scanner_.Scan(body, ndjson ? Framing::kLines : Framing::kArray);
  if (scan.status != ScanStatus::kOk) return refuse(Refused(scan.status));
  const size_t count = scanner_.events().size();
  if (!HasRoom(handle, count, body.size() + count * (kEnvelopeBytes + source_.size()))) return refuse(kNoRoom);

  ids_.clear();
  id_ends_.clear();
  Batch* batch = Open(count, done);
  auto result = Napi::Object::New(env_);
  result.Set("table", batch->table.Value());
  EnqueueAll(batch, handle, topic_of);
  result.Set("ids", Ids());
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

// Only this thread adds to the queue, so room that is here now is still here while the batch is put in.
bool Posts::HasRoom(rd_kafka_t* handle, size_t events, size_t bytes) const {
  return static_cast<size_t>(rd_kafka_outq_len(handle)) + events <= max_messages_ &&
         queued_bytes + bytes <= max_bytes_;
}

Posts::Batch* Posts::Open(size_t events, Napi::Function done) {
  auto batch = std::make_unique<Batch>();
  batch->items.resize(events);
  batch->missing = events;
  auto table = Napi::Float64Array::New(env_, events * kColumns);
  batch->rows = table.Data();
  batch->table = Napi::Persistent(table);
  batch->done = Napi::Persistent(done);
  for (size_t i = 0; i < events; i++) batch->rows[i * kColumns] = kOnItsWay;
  Batch* opened = batch.get();
  open_.push_front(std::move(batch));
  opened->place = open_.begin();
  return opened;
}

void Posts::EnqueueAll(Batch* batch, rd_kafka_t* handle, const TopicOf& topic_of) {
  const Moment now = RenderMoment(NowMilliseconds());
  std::vector<rd_kafka_topic_t*> topics(types_.size(), nullptr);
  const auto& events = scanner_.events();
  batch->missing++;  // until all are in, so that one that fails at once cannot end the batch
  for (size_t i = 0; i < events.size(); i++) {
    const uint32_t type = events[i].type;
    Item* item = &batch->items[i];
    *item = {batch, static_cast<uint32_t>(i)};
    batch->rows[i * kColumns + 1] = type;
    if (!topics[type]) topics[type] = topic_of(types_[type].topic);
    const rd_kafka_resp_err_t code = Enqueue(scanner_, events[i], type, now, item, handle, topics[type]);
    id_ends_.push_back(ids_.size());
    if (code) Book(item, code, -1, -1, -1);
  }
  Complete(batch);
}

rd_kafka_resp_err_t Posts::Enqueue(const Scanner& scanner, const ScannedEvent& event, size_t type_index,
                                   const Moment& now, void* carried, rd_kafka_t* handle, rd_kafka_topic_t* topic) {
  const Type& type = types_[type_index];
  char made_id[kMadeId];
  std::string_view id = event.id;
  if (!IsPresent(id)) id = {made_id, static_cast<size_t>(id_generator_.Next(made_id, type.type, now) - made_id)};
  const std::string_view time = IsPresent(event.time) ? event.time : std::string_view(now.time, sizeof now.time - 1);
  ids_.append(id).push_back('\n');
  if (!topic) return RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC;

  Message message;
  message.topic = topic;
  const std::string_view value = binary_ ? event.data : Value(event, type, id, time);
  message.value = value.data();
  message.value_size = value.size();
  if (IsPresent(event.key)) {
    message.key = event.key.data();
    message.key_size = event.key.size();
  }
  message.headers = Headers(scanner, event, type, id, time);
  message.carried = carried;
  const rd_kafka_resp_err_t code = sidepost::Enqueue(handle, message);
  if (code) {
    rd_kafka_headers_destroy(message.headers);
  } else {
    queued_bytes += value.size();
  }
  return code;
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
  double* row = batch->rows + item->index * kColumns;
  row[0] = code;
  row[2] = partition;
  row[3] = static_cast<double>(offset);
  row[4] = static_cast<double>(timestamp);
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
  Book(static_cast<Item*>(message->_private), message->err, message->partition, message->offset, timestamp);
}

void Posts::DeliverFinished() {
  for (auto& batch : std::exchange(finished_, {})) {
    Napi::HandleScope scope(env_);
    batch->done.Call({});
    if (env_.IsExceptionPending()) napi_fatal_exception(env_, env_.GetAndClearPendingException().Value());
  }
}

void Posts::Detach() {
  open_.clear();
  finished_.clear();
  queued_bytes = 0;
}

}  // namespace sidepost
