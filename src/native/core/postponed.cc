// Promised events that Kafka turned down for what may pass: they are tried again for a while, before all of their topic
// that came later. Who waits for an answer is told at once, and can post again.
#include "posts.h"

namespace sidepost {

namespace {

// Each try walks the ledger: 1 ms for 100,000 events.
constexpr uint32_t kPause = 500;

/// Brokers deny a topic that they have not heard of yet, after their start or between its deletion and its return. The
/// other codes come where its partitions went meanwhile, or where another record of the same request was at fault.
bool MayPass(rd_kafka_resp_err_t code) {
  switch (code) {
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
    case RD_KAFKA_RESP_ERR__DESTROY:
    case RD_KAFKA_RESP_ERR__INVALID_DIFFERENT_RECORD:
      return true;
    default:
      return false;
  }
}

}  // namespace

// What is in memory alone must leave room for the events of other topics.
bool Posts::IsToPostpone(const Entry& entry, rd_kafka_resp_err_t code) const {
  if (!MayPass(code) || !entry.promised) return false;
  const bool on_disk = journal.on || entry.chunk != 0;
  if (!on_disk && queue_->Held() > max_bytes_ / 2) return false;
  const auto known = postponed_.find(TopicOf(entry.type));
  return known == postponed_.end() || SteadyMilliseconds() - known->second.since < patience_;
}

void Posts::Postpone(Entry* entry, rd_kafka_resp_err_t code) {
  const Postponed first{0, SteadyMilliseconds(), code};
  Postponed& postponed = postponed_.try_emplace(TopicOf(entry->type), first).first->second;
  postponed.entries++;
  postponed.code = code;
  entry->postponed = true;
}

rd_kafka_resp_err_t Posts::SendInTurn(Entry* entry, const Destination& to) {
  rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;
  if (!postponed_.empty()) {
    const auto known = postponed_.find(TopicOf(entry->type));
    if (known != postponed_.end() && known->second.entries > 0) code = known->second.code;
  }
  if (!code) code = Send(entry, to);
  if (!IsToPostpone(*entry, code)) return code;
  Postpone(entry, code);
  return RD_KAFKA_RESP_ERR_NO_ERROR;
}

void Posts::TakeUpPostponed() {
  if (!IsToTryAgain()) return;
  tried_again_ = SteadyMilliseconds();
  for (auto& [topic, postponed] : postponed_) postponed.entries = 0;
  std::vector<Entry*> entries;
  for (Entry* entry = ledger_->first(); entry; entry = entry->next) {
    if (std::exchange(entry->postponed, false)) entries.push_back(entry);
  }
  held_.insert(held_.begin(), entries.begin(), entries.end());
}

bool Posts::IsToTryAgain() const {
  if (postponed_.empty() || SteadyMilliseconds() - tried_again_ < kPause) return false;
  for (const auto& [topic, postponed] : postponed_) {
    if (postponed.entries > 0) return true;
  }
  return false;
}

void Posts::Passed(const std::string& topic) {
  const auto known = postponed_.find(topic);
  if (known == postponed_.end()) return;
  if (known->second.entries == 0) {
    postponed_.erase(known);
  } else {
    known->second.since = SteadyMilliseconds();
  }
}

}  // namespace sidepost
