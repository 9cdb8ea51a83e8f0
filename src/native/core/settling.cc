// What becomes of events: delivered, refused, given up.
#include "posts.h"

namespace sidepost {

namespace {

/// Not what a failed client says of everything it had, but what Kafka thinks of this event.
bool IsForGood(rd_kafka_resp_err_t code) {
  switch (code) {
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_INVALID_RECORD:
    case RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP:
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
      return true;
    default:
      return false;
  }
}

}  // namespace

void Posts::Report(const rd_kafka_message_t* message, bool client_failed, Reports* reports) {
  auto* entry = static_cast<Entry*>(message->_private);
  const bool to_postpone = IsToPostpone(*entry, message->err);
  const bool unsettled = message->err && (to_postpone || !IsForGood(message->err));
  if (unsettled && client_failed && renewable_ && !abandoning_) {
    kept_.push_back(entry);
    return;
  }
  const bool nowhere = message->err && !entry->doubtful &&
                       rd_kafka_message_status(message) == RD_KAFKA_MSG_STATUS_NOT_PERSISTED;
  if (to_postpone && !abandoning_) {
    entry->sent = entry->doubtful = !nowhere;
    return Postpone(entry, message->err);
  }
  if (!message->err && !postponed_.empty()) Passed(TopicOf(entry->type));
  const bool stored = unsettled && abandoning_ && entry->chunk != 0;
  rd_kafka_timestamp_type_t type;
  const int64_t timestamp = rd_kafka_message_timestamp(message, &type);
  const int64_t offset = nowhere ? kNowhere : message->offset;
  const Outcome outcome{
      static_cast<double>(offset),
      static_cast<double>(type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE ? -1 : timestamp),
      message->partition,
      static_cast<int16_t>(stored ? kStored : message->err),
      entry->type,
  };
  if (Batch* batch = BatchOf(*entry)) {
    Book(batch, entry->index, outcome);
  } else if (entry->carried) {
    reports->AddPosted(message, entry->carried, outcome.code, offset);
    ForgetChecks();
  }
  Settle(entry, outcome);
}

void Posts::Settle(Entry* entry, const Outcome& outcome) {
  if (outcome.code != kStored) {
    recent_.Put(entry->id_hash, outcome);
    if (outcome.code != 0 && entry->promised && journal.on) KeepRefused(*entry, outcome.code);
    if (entry->chunk != 0) journal.Settle(*entry, outcome);
  }
  if (spill_ == entry) spill_ = entry->next;
  if (entry->chunk == 0 && entry->dropped != 0) ForgetDropped(entry->dropped);
  ledger_->Remove(entry);
  settled_.push_back(entry);
}

void Posts::Release() {
  for (Entry* entry : settled_) ledger_->Free(entry);
  settled_.clear();
}

void Posts::Fail(Entry* entry, int code, const Destination& to, Reports* reports) {
  const int64_t offset = entry->sent ? RD_KAFKA_OFFSET_INVALID : kNowhere;
  const Outcome outcome{static_cast<double>(offset), -1, -1, static_cast<int16_t>(code), entry->type};
  if (Batch* batch = BatchOf(*entry)) {
    Book(batch, entry->index, outcome);
  } else if (entry->carried) {
    Message message;
    message.topic = to.handle ? to.topic_of(types_[entry->type].topic) : nullptr;
    message.key = entry->has_key ? entry->key().data() : nullptr;
    message.key_size = entry->key_size;
    message.carried = entry->carried;
    reports->AddRefused(message, static_cast<rd_kafka_resp_err_t>(code), offset);
  }
  Settle(entry, outcome);
  settled_.pop_back();
  ledger_->Free(entry);
}

void Posts::Abandon(const Destination& to, Reports* reports) {
  abandoning_ = true;
  HoldPostponed();
  held_.insert(held_.begin(), kept_.begin(), kept_.end());
  kept_.clear();
  while (!held_.empty()) {
    Entry* const entry = held_.front();
    held_.pop_front();
    const auto denied = postponed_.find(TopicOf(entry->type));
    const int why = denied == postponed_.end() ? RD_KAFKA_RESP_ERR__PURGE_QUEUE : denied->second.code;
    Fail(entry, entry->chunk == 0 ? why : kStored, to, reports);
  }
  postponed_.clear();
}

}  // namespace sidepost
