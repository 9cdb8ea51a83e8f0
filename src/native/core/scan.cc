#include "scan.h"

#include <algorithm>
#include <utility>

#include "rfc3339.h"
#include "utf8.h"

namespace sidepost {

namespace {

/// What Clear() keeps: enough for a thousand events of a few hundred bytes, little enough to hold for good.
constexpr size_t kKeptBytes = 512 * 1024;

std::vector<std::string> NamesOf(const std::vector<MemberSpec>& members) {
  std::vector<std::string> names;
  for (const MemberSpec& member : members) names.push_back(member.name);
  return names;
}

/// Whether they are equal but for the case of ASCII's letters; `lower` has none in upper case.
bool EqualsLower(std::string_view text, std::string_view lower) {
  auto same = [](char c, char l) { return (c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c) == l; };
  return std::equal(text.begin(), text.end(), lower.begin(), lower.end(), same);
}

template <typename T>
void ClearAndTrim(std::vector<T>& items) {
  items.clear();
  if (items.capacity() * sizeof(T) > kKeptBytes) items.shrink_to_fit();
}

}  // namespace

ScanSpec WithoutType(ScanSpec spec) {
  auto is_type = [](const MemberSpec& member) { return member.kind == MemberKind::kType; };
  spec.members.erase(std::remove_if(spec.members.begin(), spec.members.end(), is_type), spec.members.end());
  return spec;
}

Scanner::Scanner(ScanSpec spec) : spec_(std::move(spec)), types_(spec_.types), members_(NamesOf(spec_.members)) {
  for (size_t i = 0; i < spec_.members.size(); i++) required_ |= static_cast<uint32_t>(spec_.members[i].required) << i;
}

void Scanner::Clear() {
  ClearAndTrim(events_);
  ClearAndTrim(headers_);
  arena_.Trim(kKeptBytes);
}

ScanResult Scanner::Scan(std::string_view body, Framing framing) {
  events_.clear();
  headers_.clear();
  arena_.Open(body.size());
  refused_ = nullptr;
  if (body.empty()) body = "";  // its bytes may be at null, which here means "none"
  const size_t broken = FindInvalidUtf8(body);
  if (broken != std::string_view::npos) return {ScanStatus::kMalformed, broken};
  text_ = json::Text(body);
  const char* const end = ScanFramed(framing, body.data());
  const auto offset = [body](const char* p) { return static_cast<size_t>(p - body.data()); };
  if (end == nullptr) return {ScanStatus::kMalformed, offset(text_.failure)};
  if (refused_ != nullptr) return {ScanStatus::kInvalid, offset(refused_)};
  return {ScanStatus::kOk, offset(end)};
}

/// The rest of the body must be JSON all the same: whether it is malformed does not depend on what is invalid in it.
void Scanner::Refuse(const char* event) {
  if (refused_ == nullptr) refused_ = event;
}

const char* Scanner::ScanFramed(Framing framing, const char* p) {
  if (framing == Framing::kArray) return ScanArray(p);
  return framing == Framing::kLines ? ScanLines(p) : ScanOne(p);
}

const char* Scanner::ScanOne(const char* p) {
  p = ScanItem(SkipSpace(text_, p));
  if (p == nullptr) return nullptr;
  p = SkipSpace(text_, p);
  return p == text_.end ? p : text_.Fail(p);
}

const char* Scanner::ScanArray(const char* p) {
  p = SkipSpace(text_, p);
  if (!text_.Has(p, '[')) {
    Refuse(p);
    p = SkipValue(text_, p);
  } else {
    bool more;
    p = Open(p, ']', more);
    while (more) {
      p = ScanItem(p);
      if (p == nullptr || (p = Next(p, ']', more)) == nullptr) return nullptr;
    }
  }
  if (p == nullptr) return nullptr;
  p = SkipSpace(text_, p);
  return p == text_.end ? p : text_.Fail(p);
}

const char* Scanner::ScanLines(const char* p) {
  const char* const end = text_.end;
  while (p != end) {
    const void* const feed = memchr(p, '\n', static_cast<size_t>(end - p));
    text_.end = feed == nullptr ? end : static_cast<const char*>(feed);
    if (ScanLine(p) == nullptr) return nullptr;
    p = feed == nullptr ? end : text_.end + 1;
  }
  return p;
}

const char* Scanner::ScanLine(const char* p) {
  p = SkipSpace(text_, p);
  return p == text_.end ? p : ScanOne(p);
}

const char* Scanner::ScanItem(const char* p) {
  if (text_.Has(p, '{')) return ScanEvent(p);
  Refuse(p);
  return SkipValue(text_, p);
}

/// Takes the bracket that p stands at, and the other one too when there is nothing between them.
const char* Scanner::Open(const char* p, char close, bool& more) const {
  p = SkipSpace(text_, p + 1);
  more = !text_.Has(p, close);
  return more ? p : p + 1;
}

/// Takes what stands between two items, or behind the last.
const char* Scanner::Next(const char* p, char close, bool& more) {
  p = SkipSpace(text_, p);
  more = text_.Has(p, ',');
  if (more) return SkipSpace(text_, p + 1);
  return text_.Has(p, close) ? p + 1 : text_.Fail(p);
}

const char* Scanner::ScanEvent(const char* const start) {
  ScannedEvent event{};
  event.first_header = static_cast<uint32_t>(headers_.size());
  uint32_t seen = 0, invalid = 0;  // a bit for each of spec_.members: of a repeated member the last one counts
  bool unknown = false, more;
  const char* p = Open(start, '}', more);
  while (more) {
    Slice name;
    if ((p = ScanName(p, name)) == nullptr) return nullptr;
    const int index = members_.Find(name);
    if (index < 0) {
      unknown = true;
      p = SkipValue(text_, p);
    } else {
      bool valid = false;
      p = ScanMember(p, spec_.members[static_cast<size_t>(index)], event, valid);
      const uint32_t bit = 1u << index;
      seen |= bit;
      invalid = valid ? invalid & ~bit : invalid | bit;
    }
    if (p == nullptr || (p = Next(p, '}', more)) == nullptr) return nullptr;
  }
  if (unknown || invalid != 0 || (required_ & ~seen) != 0) Refuse(start);
  if (refused_ == nullptr) events_.push_back(event);
  return p;
}

const char* Scanner::ScanName(const char* p, Slice& name) {
  if (!text_.Has(p, '"')) return text_.Fail(p);
  p = ReadString(text_, p, arena_, name);
  return p == nullptr ? nullptr : SkipMark(text_, p, ':');
}

const char* Scanner::ScanMember(const char* p, const MemberSpec& member, ScannedEvent& event, bool& valid) {
  switch (member.kind) {
    case MemberKind::kType: return ScanType(p, event, valid);
    case MemberKind::kData: return ScanData(p, event, valid);
    case MemberKind::kHeaders: return ScanHeaders(p, event, valid);
    default: break;
  }
  const bool is_time = member.kind == MemberKind::kTime;
  Slice& content = is_time ? event.time : member.kind == MemberKind::kKey ? event.key : event.id;
  p = ScanString(p, content, valid);
  valid = valid && content.size() >= member.min_bytes && content.size() <= member.max_bytes;
  if (is_time) valid = valid && IsRfc3339(content);
  return p;
}

const char* Scanner::SkipInvalid(const char* p, bool& valid) {
  valid = false;
  return SkipValue(text_, p);
}

const char* Scanner::ScanString(const char* p, Slice& content, bool& valid) {
  if (!text_.Has(p, '"')) return SkipInvalid(p, valid);
  p = ReadString(text_, p, arena_, content);
  valid = p != nullptr;
  return p;
}

const char* Scanner::ScanType(const char* p, ScannedEvent& event, bool& valid) {
  Slice name;
  p = ScanString(p, name, valid);
  const int index = valid ? types_.Find(name) : -1;
  valid = index >= 0;
  event.type = static_cast<uint32_t>(index);
  return p;
}

/// Any JSON value, as it stands; but a string must hold JSON text, and that is the data.
const char* Scanner::ScanData(const char* const start, ScannedEvent& event, bool& valid) {
  if (text_.Has(start, '"')) {
    const char* const end = ScanString(start, event.data, valid);
    valid = valid && json::IsJson(event.data);
    return end;
  }
  const char* const end = SkipValue(text_, start);
  valid = end != nullptr;
  if (valid) event.data = {start, static_cast<size_t>(end - start)};
  return end;
}

const char* Scanner::ScanHeaders(const char* p, ScannedEvent& event, bool& valid) {
  headers_.resize(event.first_header);
  event.header_count = 0;
  if (!text_.Has(p, '{')) return SkipInvalid(p, valid);
  bool more;
  p = Open(p, '}', more);
  while (more) {
    ScannedHeader header;
    bool is_string = false;
    if ((p = ScanName(p, header.name)) == nullptr) return nullptr;
    if ((p = ScanString(p, header.value, is_string)) == nullptr) return nullptr;
    if ((p = Next(p, '}', more)) == nullptr) return nullptr;
    SetHeader(event, header);
  }
  valid = event.header_count <= spec_.max_headers;
  for (size_t i = event.first_header; i < headers_.size(); i++) {
    valid = valid && IsPresent(headers_[i].value) && MayBePosted(headers_[i].name);
  }
  return p;
}

/// A NUL would hide the rest of a name from all who get it from librdkafka, the count of the queue's bytes too.
bool Scanner::MayBePosted(Slice name) const {
  if (name.find('\0') != Slice::npos || EqualsLower(name.substr(0, spec_.reserved_prefix.size()), spec_.reserved_prefix)) {
    return false;
  }
  for (const std::string& reserved : spec_.reserved_names) {
    if (EqualsLower(name, reserved)) return false;
  }
  return true;
}

/// A repeated name keeps its place and takes the last value, as in JSON.parse. One more than allowed is kept and no
/// others: the search through them stays short, whatever is posted.
void Scanner::SetHeader(ScannedEvent& event, const ScannedHeader& header) {
  for (size_t i = event.first_header; i < headers_.size(); i++) {
    if (headers_[i].name == header.name) {
      headers_[i].value = header.value;
      return;
    }
  }
  if (event.header_count > spec_.max_headers) return;
  headers_.push_back(header);
  event.header_count++;
}

}  // namespace sidepost
