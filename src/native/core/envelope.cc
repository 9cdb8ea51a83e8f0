#include "envelope.h"

#include <cstdio>
#include <cstring>
#include <ctime>
#include <random>

#include "json.h"

namespace sidepost {

namespace {

constexpr char kDigits[] = "0123456789abcdefghijklmnopqrstuvwxyz";
constexpr size_t kDrawn = 8;
constexpr uint64_t kDraws = 2'821'109'907'456;  // 36^8

constexpr std::string_view kHead = R"({"specversion":"1.0","id":")";
constexpr std::string_view kContentType = R"(","datacontenttype":"application/json","data":)";

char* Put(char* to, std::string_view text) {
  if (!text.empty()) memcpy(to, text.data(), text.size());
  return to + text.size();
}

bool IsPlain(char c) { return c != '"' && c != '\\' && static_cast<uint8_t>(c) >= 0x20; }

bool IsPlain(std::string_view text) {
  if (text.size() < kBlock) {
    for (const char c : text) {
      if (!IsPlain(c)) return false;
    }
    return true;
  }
  const char* const last = text.data() + text.size() - kBlock;
  Block specials = json::Specials(Load(last));
  for (const char* p = text.data(); p < last; p += kBlock) specials |= json::Specials(Load(p));
  return !AnyMatch(specials);
}

std::string Escaped(std::string_view text) {
  std::string escaped(EscapedSize(text), '\0');
  PutEscaped(escaped.data(), text);
  return escaped;
}

}  // namespace

char* PutEscaped(char* to, std::string_view text) {
  if (IsPlain(text)) return Put(to, text);
  for (const char c : text) {
    if (IsPlain(c)) {
      *to++ = c;
    } else if (static_cast<uint8_t>(c) < 0x20) {
      to = Put(to, c < 0x10 ? "\\u000" : "\\u001");
      *to++ = kDigits[c & 0xf];
    } else {
      *to++ = '\\';
      *to++ = c;
    }
  }
  return to;
}

size_t EscapedSize(std::string_view text) {
  if (IsPlain(text)) return text.size();
  size_t size = 0;
  for (const char c : text) size += IsPlain(c) ? 1 : static_cast<uint8_t>(c) < 0x20 ? kLongestEscape : 2;
  return size;
}

Moment RenderMoment(int64_t unix_ms) {
  const time_t seconds = static_cast<time_t>(unix_ms / 1000);
  tm utc;
  gmtime_r(&seconds, &utc);
  Moment moment;
  strftime(moment.stamp, sizeof moment.stamp, "%Y%m%d%H%M%S", &utc);
  const size_t length = strftime(moment.time, sizeof moment.time, "%Y-%m-%dT%H:%M:%S", &utc);
  snprintf(moment.time + length, sizeof moment.time - length, ".%03uZ", static_cast<unsigned>(unix_ms % 1000) % 1000);
  return moment;
}

IdGenerator::IdGenerator() {
  std::random_device device;
  uint64_t drawn = (static_cast<uint64_t>(device()) << 32 | device()) % kDraws;
  for (size_t i = 0; i < kDrawn; i++, drawn /= 36) suffix_[i] = kDigits[drawn % 36];
  memset(suffix_ + kDrawn, '0', kSuffix - kDrawn);
}

char* IdGenerator::Next(char* to, std::string_view type, const Moment& now) {
  to = Put(to, type);
  *to++ = '_';
  to = Put(to, {now.stamp, sizeof now.stamp - 1});
  *to++ = '_';
  to = Put(to, {suffix_, kSuffix});
  for (size_t i = kSuffix; i-- > kDrawn;) {
    char& digit = suffix_[i];
    digit = digit == 'z' ? '0' : digit == '9' ? 'a' : static_cast<char>(digit + 1);
    if (digit != '0') break;
  }
  return to;
}

std::string EnvelopeMiddle(std::string_view source, std::string_view type) {
  return R"(","source":")" + Escaped(source) + R"(","type":")" + Escaped(type) + R"(","time":")";
}

size_t EnvelopeBound(std::string_view middle, std::string_view id, std::string_view time, std::string_view data) {
  return kHead.size() + kContentType.size() + 1 + middle.size() + id.size() * kLongestEscape + time.size() +
         data.size();
}

char* WriteEnvelope(char* to, std::string_view middle, std::string_view id, std::string_view time,
                    std::string_view data) {
  to = Put(to, kHead);
  to = PutEscaped(to, id);
  to = Put(to, middle);
  to = Put(to, time);
  to = Put(to, kContentType);
  to = Put(to, data);
  *to++ = '}';
  return to;
}

}  // namespace sidepost
