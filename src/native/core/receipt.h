// The receipt of a delivered event, as JSON.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace sidepost {

/// No receipt of these parts is longer.
size_t ReceiptBound(std::string_view id, std::string_view topic);

/// Writes what JSON.stringify makes of a `Delivered` (src/domain/receipt.ts), and returns its end. The topic is a legal
/// name of Kafka's, which needs no escapes. A negative offset or timestamp is one that is not known.
char* WriteReceipt(char* to, std::string_view id, std::string_view topic, int32_t partition, int64_t offset,
                   int64_t timestamp);

}  // namespace sidepost
