#include "posts.h"

#include <sys/time.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace sidepost {

namespace {

constexpr size_t kKeptValue = 1 << 20;

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
    type.own_bytes = kMessageMemory + HeaderBytes(headers, kHeaderMemory) + (binary_ ? 0 : EnvelopeBound(type.middle, "", "", ""));
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
    queue_->Remove({1, QueueBytes(message)});
    reports->AddRefused(message, code);
    free(held.value);
    rd_kafka_headers_destroy(held.headers);
  }
}

int Posts::Refused(const ScanResult& scan) {
  if (scan.status == ScanStatus::kInvalid) return kInvalid;
  broken_at = scan.offset;
  return kMalformed;
}

// Only this thread adds to the queue, so room that is here now is still here while the batch is put in.
bool Posts::HasRoom(size_t events, size_t bytes) const {
  return queue_->messages + events <= max_messages_ && queue_->Held() + bytes <= max_bytes_;
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

}  // namespace sidepost
