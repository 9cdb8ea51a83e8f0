#include "receipt.h"

#include <charconv>
#include <cstring>

#include "envelope.h"

namespace sidepost {

namespace {

constexpr std::string_view kHead = R"({"status":"delivered","id":")";
constexpr std::string_view kTopic = R"(","topic":")";
constexpr std::string_view kPartition = R"(","partition":)";
constexpr std::string_view kOffset = R"(,"offset":)";
constexpr std::string_view kTimestamp = R"(,"timestamp":)";
constexpr std::string_view kNull = "null";
constexpr size_t kNumber = 20;  // -9223372036854775808

char* Put(char* to, std::string_view text) {
  memcpy(to, text.data(), text.size());
  return to + text.size();
}

char* Put(char* to, int64_t number) { return std::to_chars(to, to + kNumber, number).ptr; }

char* PutKnown(char* to, int64_t number) { return number < 0 ? Put(to, kNull) : Put(to, number); }

}  // namespace

size_t ReceiptBound(std::string_view id, std::string_view topic) {
  return kHead.size() + kTopic.size() + kPartition.size() + kOffset.size() + kTimestamp.size() + 1 + 3 * kNumber +
         id.size() * kLongestEscape + topic.size();
}

char* WriteReceipt(char* to, std::string_view id, std::string_view topic, int32_t partition, int64_t offset,
                   int64_t timestamp) {
  to = PutEscaped(Put(to, kHead), id);
  to = Put(Put(to, kTopic), topic);
  to = Put(Put(to, kPartition), partition);
  to = PutKnown(Put(to, kOffset), offset);
  to = PutKnown(Put(to, kTimestamp), timestamp);
  *to++ = '}';
  return to;
}

}  // namespace sidepost
