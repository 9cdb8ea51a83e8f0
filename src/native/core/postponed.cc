// Events that Kafka turned down for what may pass: they are tried again for a while, before all of their topic that came
// later. Where the topic is denied, who waits for an answer is told at once, and what is posted meanwhile is not taken.
#include "posts.h"

namespace sidepost {

namespace {

/// Brokers deny a topic that they have not heard of yet: after their start, or between its deletion and its return.
bool IsDenial(rd_kafka_resp_err_t code) {
  return code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART || code == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC;
}

/// A topic that is made anew may have fewer partitions.
bool IsGonePartition(rd_kafka_resp_err_t code) {
  return code == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION || code == RD_KAFKA_RESP_ERR__DESTROY;
}

}  // namespace

// What is in memory alone must leave room for the events of other topics.
bool Posts::IsToPostpone(const Entry& entry, rd_kafka_resp_err_t code) const {
  if (!IsGonePartition(code) && !(IsDenial(code) && entry.promised)) return false;
  const bool on_disk = journal.on || entry.chunk != 0;
  if (!on_disk && IsHalfFull()) return false;
  const auto known = postponed_.find(TopicOf(entry.type));
  return known == postponed_.end() || known->second.denied_ms < patience_;
}

void Posts::Postpone(Entry* entry, rd_kafka_resp_err_t code) {
  Postponed& postponed = postponed_[TopicOf(entry->type)];
  postponed.entries++;
  postponed.code = code;
  entry->postponed = true;
}

const Posts::Postponed* Posts::AheadOf(uint16_t type) const {
  if (postponed_.empty()) return nullptr;
  const auto known = postponed_.find(TopicOf(type));
  return known != postponed_.end() && known->second.entries > 0 ? &known->second : nullptr;
}

rd_kafka_resp_err_t Posts::Denial(uint16_t type) const {
  const Postponed* const ahead = AheadOf(type);
  return ahead && IsDenial(ahead->code) ? ahead->code : RD_KAFKA_RESP_ERR_NO_ERROR;
}

rd_kafka_resp_err_t Posts::Denial(Body* body) const {
  if (postponed_.empty()) return RD_KAFKA_RESP_ERR_NO_ERROR;
  for (uint32_t i = 0; i < body->alive; i++) {
    if (const auto code = Denial(body->entries()[i].type)) return code;
  }
  return RD_KAFKA_RESP_ERR_NO_ERROR;
}

rd_kafka_resp_err_t Posts::SendInTurn(Entry* entry, const Destination& to) {
  const Postponed* const ahead = AheadOf(entry->type);
  const rd_kafka_resp_err_t code = ahead ? ahead->code : Send(entry, to);
  if (!IsToPostpone(*entry, code)) return code;
  Postpone(entry, code);
  return RD_KAFKA_RESP_ERR_NO_ERROR;
}

void Posts::TryAgain(uint32_t denied_ms) {
  for (auto& [topic, postponed] : postponed_) {
    if (std::exchange(postponed.entries, 0) > 0) postponed.denied_ms += denied_ms;
  }
  HoldPostponed();
}

void Posts::HoldPostponed() {
  std::vector<Entry*> entries;
  for (Entry* entry = ledger_->first(); entry; entry = entry->next) {
    if (std::exchange(entry->postponed, false)) entries.push_back(entry);
  }
  held_.insert(held_.begin(), entries.begin(), entries.end());
}

void Posts::Passed(const std::string& topic) {
  const auto known = postponed_.find(topic);
  if (known == postponed_.end()) return;
  if (known->second.entries == 0) {
    postponed_.erase(known);
  } else {
    known->second.denied_ms = 0;
  }
}

void Posts::Promise(const std::vector<std::string>& ids) {
  std::unordered_set<uint64_t> hashes;
  for (const std::string& id : ids) hashes.insert(IdHash(id));
  // They have been here for long: most are found at once.
  for (Entry* entry = ledger_->first(); entry && !hashes.empty(); entry = entry->next) {
    if (hashes.erase(entry->id_hash) > 0) entry->promised = true;
  }
}

}  // namespace sidepost
