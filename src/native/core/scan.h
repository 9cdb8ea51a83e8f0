// Reads a batch of events out of a request body, strictly and in place. Its decision agrees with JSON.parse and the
// schema of single posts: what that refuses is refused here, and what it takes is taken.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "json.h"
#include "names.h"

namespace sidepost {

enum class MemberKind : uint8_t { kType, kData, kKey, kHeaders, kId, kTime };

struct MemberSpec {
  std::string name;
  MemberKind kind;
  bool required;
  size_t min_bytes;  // of the decoded UTF-8; for key, id and time
  size_t max_bytes;
};

constexpr size_t kMaxMembers = 32;  // a bit for each

/// What a valid event is. It comes from JavaScript, where it is derived from the schema of single posts.
struct ScanSpec {
  std::vector<std::string> types;
  std::vector<MemberSpec> members;  // at most kMaxMembers, no name twice
  size_t max_headers;
  // Header names that may not be posted, whatever their case: by their beginning, and by the whole; lower case.
  std::string reserved_prefix;
  std::vector<std::string> reserved_names;
};

/// Of single posts, which name their type in the path and not in the body.
ScanSpec WithoutType(ScanSpec spec);

/// A slice of the body or, where a string had escapes, of the scanner's arena. Null data: the member is absent.
using Slice = std::string_view;

inline bool IsPresent(Slice slice) { return slice.data() != nullptr; }

struct ScannedHeader {
  Slice name;
  Slice value;
};

struct ScannedEvent {
  uint32_t type;          // index into ScanSpec::types
  uint32_t first_header;  // index into Scanner::headers()
  uint32_t header_count;
  Slice data;  // JSON text
  Slice key;
  Slice id;
  Slice time;
};

/// A JSON array of events, an event a line (NDJSON), or the one event that the whole body is.
enum class Framing : uint8_t { kArray, kLines, kOne };

/// kMalformed: not JSON, or not UTF-8. kInvalid: JSON, but not all of it valid events.
enum class ScanStatus : uint8_t { kOk, kMalformed, kInvalid };

struct ScanResult {
  ScanStatus status;
  size_t offset;  // kMalformed: near the byte that breaks it; kInvalid: the first event that is not valid
};

/// Keeps its memory between bodies. Not thread-safe; one per thread.
class Scanner {
 public:
  explicit Scanner(ScanSpec spec);

  /// Reads a whole body. Blank lines of NDJSON are skipped; no events at all is kOk, but for kOne. The events hold
  /// slices of the body, so it must stay alive and unchanged until Clear().
  ScanResult Scan(std::string_view body, Framing framing);

  /// What the last Scan() found, if it was kOk.
  const std::vector<ScannedEvent>& events() const { return events_; }
  const std::vector<ScannedHeader>& headers() const { return headers_; }
  const ScanSpec& spec() const { return spec_; }

  /// Ends the use of the events, and gives memory back that only a very large body needed.
  void Clear();

 private:
  // These read on from p, as the readers of json.h do, and return null where that is not JSON. `valid` tells whether
  // what they read is what an event may hold there.
  const char* ScanFramed(Framing framing, const char* p);
  const char* ScanArray(const char* p);
  const char* ScanLines(const char* p);
  const char* ScanOne(const char* p);
  const char* ScanLine(const char* p);
  const char* ScanItem(const char* p);
  const char* ScanEvent(const char* p);
  const char* ScanName(const char* p, Slice& name);
  const char* ScanMember(const char* p, const MemberSpec& member, ScannedEvent& event, bool& valid);
  const char* ScanType(const char* p, ScannedEvent& event, bool& valid);
  const char* ScanData(const char* p, ScannedEvent& event, bool& valid);
  const char* ScanHeaders(const char* p, ScannedEvent& event, bool& valid);
  const char* ScanString(const char* p, Slice& content, bool& valid);
  const char* SkipInvalid(const char* p, bool& valid);
  const char* Open(const char* p, char close, bool& more) const;
  const char* Next(const char* p, char close, bool& more);
  void SetHeader(ScannedEvent& event, const ScannedHeader& header);
  bool MayBePosted(Slice header_name) const;
  void Refuse(const char* event);

  const ScanSpec spec_;
  const NameTable types_;
  const NameTable members_;
  uint32_t required_ = 0;  // a bit for each of spec_.members
  json::Text text_;
  json::Arena arena_;
  std::vector<ScannedEvent> events_;
  std::vector<ScannedHeader> headers_;
  const char* refused_ = nullptr;
};

}  // namespace sidepost
