// What becomes of a scanned event: its id, and the CloudEvents envelope that goes to Kafka.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace sidepost {

/// A moment in the two spellings that events need, in UTC. Rendered once for a whole batch.
struct Moment {
  char time[25];   // RFC 3339: 2024-01-01T12:00:00.000Z
  char stamp[15];  // in event ids: 20240101120000
};

/// From milliseconds since the epoch, up to the end of the year 9999.
Moment RenderMoment(int64_t unix_ms);

/// Makes event ids: `<type>_<yyyymmddhhmmss>_<suffix>`, the suffix of 13 characters from 0-9a-z: URL-safe, fixed width.
///
/// The first 8 are drawn at random for each generator (36^8 = 2.8e12), the last 5 count (36^5 = 60 million). Within
/// one process an id repeats only after 60 million others with the same second: 600 s of a clock set back at 100,000
/// events/s. Two processes meet only if they drew the same 8: for 10,000 Pods alive together the chance that any two
/// did is 10,000^2 / 2 / 2.8e12 = 1 in 56,000; and then still only where both take the same type and count in the same
/// second. A restart draws anew, and what lived in another second cannot collide at all.
///
/// Not thread-safe; one per thread.
class IdGenerator {
 public:
  static constexpr size_t kSuffix = 13;

  IdGenerator();

  static size_t Size(std::string_view type) { return type.size() + 1 + sizeof(Moment::stamp) - 1 + 1 + kSuffix; }

  /// Writes the next id, Size(type) bytes, and returns its end.
  char* Next(char* to, std::string_view type, const Moment& now);

 private:
  char suffix_[kSuffix];
};

/// Writes JSON's escapes where the text needs them, and returns the end: at most kLongestEscape bytes for each of the
/// text's. The text is UTF-8.
constexpr size_t kLongestEscape = 6;  // \u001f
char* PutEscaped(char* to, std::string_view text);

/// How many bytes PutEscaped writes.
size_t EscapedSize(std::string_view text);

/// The part of the envelope that all events of one type share: `","source":…,"type":…,"time":"`.
std::string EnvelopeMiddle(std::string_view source, std::string_view type);

/// No envelope of these parts is longer.
size_t EnvelopeBound(std::string_view middle, std::string_view id, std::string_view time, std::string_view data);

/// Writes a CloudEvents 1.0 event in structured mode and returns its end. The id is escaped where it must be; the time
/// is RFC 3339 and the data JSON text, so both stand as they are. All are UTF-8.
char* WriteEnvelope(char* to, std::string_view middle, std::string_view id, std::string_view time,
                    std::string_view data);

}  // namespace sidepost
