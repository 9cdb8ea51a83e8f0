#include "posts.h"

#include <sys/time.h>

#include <utility>

namespace sidepost {

namespace {

// An id is told apart among so many: 2.6 MB.
constexpr size_t kRecent = 1 << 16;

int64_t NowMilliseconds() {
  timeval now;
  gettimeofday(&now, nullptr);
  return int64_t{now.tv_sec} * 1000 + now.tv_usec / 1000;
}

// More than a record of format v2 can add to its key, value and headers, length prefixes and all.
constexpr size_t kRecordOverhead = 100;

// The names and fixed values of binary mode's headers, with room to spare.
constexpr size_t kBinaryHeaders = 200;

}  // namespace

Posts::Posts(Napi::Env env, PostOptions options, Queue* queue)
    : env_(env),
      scanner_(options.scan),
      one_scanner_(WithoutType(options.scan)),
      source_(std::move(options.source)),
      binary_(options.binary),
      max_messages_(options.max_messages),
      max_bytes_(options.max_bytes),
      max_message_bytes_(options.max_message_bytes),
      renewable_(options.renewable),
      patience_(static_cast<uint32_t>(options.patience)),
      queue_(queue),
      recent_(kRecent),
      ledger_(std::make_shared<Ledger>(queue)) {
  for (const PostOptions::Event& event : options.events) {
    Type type{event.type, event.topic, EnvelopeMiddle(source_, event.type)};
    type.own_bytes = binary_ ? kBinaryHeaders + source_.size() + event.type.size()
                             : EnvelopeBound(type.middle, "", "", "") +
                                   HeaderSize(kContentType.size(), kStructured.size());
    type.made_id = IdGenerator::Size(type.type) - type.type.size() + EscapedSize(type.type);
    types_.push_back(std::move(type));
  }
  configured_types_ = types_.size();
}

Napi::Value Posts::ProduceOne(std::string_view body, size_t type, void* carried, bool promised, const Destination& to) {
  const ScanResult scan = one_scanner_.Scan(body, Framing::kOne);
  if (scan.status != ScanStatus::kOk) {
    one_scanner_.Clear();
    return Napi::Number::New(env_, Refused(scan));
  }
  Body* const taken = Compose(one_scanner_, type);
  one_scanner_.Clear();
  Entry* const entry = taken->entries();
  entry->carried = carried;
  entry->promised = promised;
  taken_in_turn_++;
  rd_kafka_resp_err_t code = Check(*entry);
  if (!code) code = Denial(entry->type);
  went_to_disk = !code && MustGoToDisk(taken);
  if (went_to_disk) {
    TakeToDisk(taken);
  } else if (!code && !HasRoom(1, taken->bytes)) {
    code = RD_KAFKA_RESP_ERR__QUEUE_FULL;
  } else if (!code) {
    bool held = !to.handle || !held_.empty() || !(types_[type].refused || (lonely_ && queue_->messages == 0));
    if (!held) code = SendInTurn(entry, to);
    if (code == RD_KAFKA_RESP_ERR__FATAL && renewable_) held = true;
    if (held) {
      code = RD_KAFKA_RESP_ERR_NO_ERROR;
      held_.push_back(entry);
    } else if (!code) {
      types_[type].refused = false;
    }
    if (!code) Take(taken);
  }
  if (code) {
    Ledger::Drop(taken);
    return Napi::Number::New(env_, code);
  }
  return Napi::String::New(env_, ids_.data(), ids_.size() - 1);
}

// What librdkafka would refuse is refused here: of an event that is held nobody can be told later.
rd_kafka_resp_err_t Posts::Check(const Entry& entry) const {
  const size_t size = size_t{entry.value_size} + entry.key_size + entry.headers_size + kRecordOverhead;
  return size > max_message_bytes_ ? RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE : RD_KAFKA_RESP_ERR_NO_ERROR;
}

rd_kafka_resp_err_t Posts::Send(Entry* entry, const Destination& to) {
  Message message;
  message.topic = to.topic_of(types_[entry->type].topic);
  if (!message.topic) return RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC;
  message.value = entry->bytes;
  message.value_size = entry->value_size;
  if (entry->has_key) {
    message.key = entry->key().data();
    message.key_size = entry->key_size;
  }
  message.headers = MakeHeaders(entry->header_count, entry->headers());
  message.lent = true;
  message.carried = entry;
  const rd_kafka_resp_err_t code = Enqueue(to.handle, message);
  if (code && message.headers) rd_kafka_headers_destroy(message.headers);
  entry->sent = entry->sent || !code;
  return code;
}

void Posts::Take(Body* taken) {
  ledger_->Append(taken);
  if (!journal.on) return;
  Entry* const entries = taken->entries();
  for (uint32_t i = 0; i < taken->alive; i++) journal.AddInMemory(entries + i, RecordOf(entries[i]));
  journal.EndBody();
}

void Posts::HandOver(const Destination& to, Reports* reports) {
  lonely_ = std::exchange(taken_in_turn_, 0) <= 1;
  if (!to.handle) return;
  // What is failed may call JavaScript, and that this: so each is out of reach before.
  while (!held_.empty()) {
    Entry* const entry = held_.front();
    const rd_kafka_resp_err_t code = SendInTurn(entry, to);
    if (code == RD_KAFKA_RESP_ERR__FATAL && renewable_) break;  // the rest is for the next client
    // Replayed events may be more than librdkafka takes at a time: the rest is for when it has reported some.
    if (code == RD_KAFKA_RESP_ERR__QUEUE_FULL && entry->chunk != 0) break;
    held_.pop_front();
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) continue;
    types_[entry->type].refused = true;
    Fail(entry, code, to, reports);
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

// A moment is rendered once a millisecond: strftime takes longer than all the rest of an event.
const Moment& Posts::Now() {
  const int64_t now = NowMilliseconds();
  if (now != now_ms_) {
    now_ms_ = now;
    now_ = RenderMoment(now);
  }
  return now_;
}

void Posts::Detach() {
  open_.clear();
  finished_.clear();
  held_.clear();
  kept_.clear();
  settled_.clear();
  postponed_.clear();
  dropped_.clear();
  spill_ = nullptr;
  ledger_ = std::make_shared<Ledger>(queue_);  // the client may still be ending, and it has the old one
}

void Posts::Renew() {
  kept_.clear();
  held_.clear();
  for (auto& [topic, postponed] : postponed_) postponed.entries = 0;
  for (Entry* entry = ledger_->first(); entry; entry = entry->next) {
    entry->doubtful = entry->sent;
    entry->postponed = false;
    held_.push_back(entry);
  }
}

}  // namespace sidepost
