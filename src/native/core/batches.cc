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

Napi::Value Posts::ProduceBatch(const BatchPost& post, const Destination& to) {
  auto refuse = [&](int reason) {
    scanner_.Clear();
    return Napi::Number::New(env_, reason);
  };
  const ScanResult scan = scanner_.Scan(post.body, post.ndjson ? Framing::kLines : Framing::kArray);
  if (scan.status != ScanStatus::kOk) return refuse(Refused(scan));
  const size_t count = scanner_.events().size();
  Body* const taken = Compose(scanner_, kTypeInBody);
  went_to_disk = MustGoToDisk(taken);
  const rd_kafka_resp_err_t denial = post.promised && IsHalfFull() ? Denial(taken) : RD_KAFKA_RESP_ERR_NO_ERROR;
  if (denial) {
    Ledger::Drop(taken);
    return refuse(denial);
  }
  const bool too_much = count > max_messages_ || taken->bytes > max_bytes_;
  if (!went_to_disk && (too_much || !HasRoom(count, taken->bytes))) {
    Ledger::Drop(taken);
    return refuse(too_much ? kTooMuch : kNoRoom);
  }

  Batch* batch = Open(count, post.done);
  auto result = Napi::Object::New(env_);
  result.Set("table", batch->table.Value());
  result.Set("ids", Ids());
  if (went_to_disk) {
    BookStored(batch, taken);
    TakeToDisk(taken);
  } else {
    EnqueueAll(batch, taken, post.promised, to);
  }
  batch->receipts = post.receipts;
  if (post.receipts) {
    batch->ids.swap(ids_);
    batch->id_ends.swap(id_ends_);
  }
  Complete(batch);
  scanner_.Clear();
  return result;
}

int Posts::CheckBatch(std::string_view body, bool ndjson) {
  const ScanResult scan = scanner_.Scan(body, ndjson ? Framing::kLines : Framing::kArray);
  const size_t count = scanner_.events().size();
  size_t bytes = 0;
  for (const ScannedEvent& event : scanner_.events()) bytes += Bound(scanner_, event, types_[event.type]);
  scanner_.Clear();
  if (scan.status != ScanStatus::kOk) return Refused(scan);
  return count > max_messages_ || Ledger::BodySize(count, bytes) > max_bytes_ ? kTooMuch : 0;
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

Posts::Batch* Posts::Open(size_t events, Napi::Function done) {
  auto batch = std::make_unique<Batch>();
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

void Posts::EnqueueAll(Batch* batch, Body* taken, bool promised, const Destination& to) {
  Entry* const entries = taken->entries();
  const uint32_t count = taken->alive;
  for (uint32_t i = 0; i < count; i++) {
    entries[i].carried = batch;
    entries[i].promised = promised;
    batch->rows[i * kColumns + 1] = entries[i].type;
  }
  Take(taken);
  for (uint32_t i = 0; i < count; i++) {
    Entry* const entry = entries + i;
    rd_kafka_resp_err_t code = Check(*entry);
    const bool held = !code && (!to.handle || !held_.empty());
    if (!held && !code) code = SendInTurn(entry, to);
    if (held || (code == RD_KAFKA_RESP_ERR__FATAL && renewable_)) {
      held_.push_back(entry);
    } else if (code) {
      Fail(entry, code, to, nullptr);
    }
  }
}

void Posts::BookStored(Batch* batch, Body* taken) {
  const Entry* const entries = taken->entries();
  for (uint32_t i = 0; i < taken->alive; i++) {
    Book(batch, i, {-1, -1, -1, kStored, entries[i].type});
  }
}

void Posts::Book(Batch* batch, uint32_t index, const Outcome& outcome) {
  if (double* rows = RowsOf(batch)) {
    double* row = rows + index * kColumns;
    row[0] = outcome.code;
    row[1] = outcome.type;
    row[2] = outcome.partition;
    row[3] = outcome.offset;
    row[4] = outcome.timestamp;
  }
  Complete(batch);
}

void Posts::Complete(Batch* batch) {
  if (--batch->missing > 0) return;
  finished_.push_back(std::move(*batch->place));
  open_.erase(batch->place);
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
  auto topic = [&](size_t i) -> std::string_view { return types_[static_cast<size_t>(rows[i * kColumns + 1])].topic; };
  size_t bound = kHead.size() + kTail.size();
  for (size_t i = 0; i < batch->id_ends.size(); i++) {
    const double* row = rows + i * kColumns;
    if (row[0] != 0) return env_.Undefined();
    bound += ReceiptBound(id(i), topic(i)) + 1;
  }
  if (rendered_.size() < bound) rendered_.resize(bound);
  char* to = rendered_.data() + kHead.copy(rendered_.data(), kHead.size());
  for (size_t i = 0; i < batch->id_ends.size(); i++) {
    const double* row = rows + i * kColumns;
    if (i > 0) *to++ = ',';
    to = WriteReceipt(to, id(i), topic(i), static_cast<int32_t>(row[2]), static_cast<int64_t>(row[3]),
                      static_cast<int64_t>(row[4]));
  }
  to += kTail.copy(to, kTail.size());
  return Napi::Buffer<char>::Copy(env_, rendered_.data(), static_cast<size_t>(to - rendered_.data()));
}

void Posts::DeliverFinished() {
  for (auto& batch : std::exchange(finished_, {})) {
    Napi::HandleScope scope(env_);
    batch->done.Call({Receipts(batch.get())});
    if (env_.IsExceptionPending()) napi_fatal_exception(env_, env_.GetAndClearPendingException().Value());
  }
}

}  // namespace sidepost
