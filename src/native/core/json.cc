#include "json.h"

#include <array>

namespace sidepost::json {

namespace {

bool IsDigit(char c) { return static_cast<unsigned char>(c - '0') < 10; }

bool IsSpace(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

/// What a character behind a backslash stands for; 0 where no escape is spelt so, and for \u.
constexpr std::array<char, 256> kUnescaped = [] {
  std::array<char, 256> table{};
  for (const char same : {'"', '\\', '/'}) table[static_cast<uint8_t>(same)] = same;
  table['b'] = '\b';
  table['f'] = '\f';
  table['n'] = '\n';
  table['r'] = '\r';
  table['t'] = '\t';
  return table;
}();

char Unescaped(char c) { return kUnescaped[static_cast<uint8_t>(c)]; }

int HexDigit(char c) {
  if (IsDigit(c)) return c - '0';
  const char lower = c | 0x20;
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/// The UTF-16 unit of a \uXXXX escape, p standing at its backslash; -1 when it is none.
int UnicodeEscape(const char* p, const char* end) {
  if (end - p < 6 || p[0] != '\\' || p[1] != 'u') return -1;
  const int a = HexDigit(p[2]), b = HexDigit(p[3]), c = HexDigit(p[4]), d = HexDigit(p[5]);
  return (a | b | c | d) < 0 ? -1 : a << 12 | b << 8 | c << 4 | d;
}

/// A bit for each of 64 bytes.
uint64_t MarkSpecials(const char* p) {
  const auto mark = [p](size_t at) { return static_cast<uint64_t>(MaskOf(Specials(Load(p + at)))) << at; };
  return mark(0) | mark(16) | mark(32) | mark(48);
}

/// Takes the escape whose backslash p stands at.
const char* SkipEscape(Text& text, const char* p) {
  if (text.end - p >= 2 && Unescaped(p[1])) return p + 2;
  return UnicodeEscape(p, text.end) >= 0 ? p + 6 : text.Fail(p);
}

/// Goes on with a string that a special character other than its quote stands in.
[[gnu::noinline]] const char* SkipEscaped(Text& text, const char* p) {
  while (!text.Has(p, '"')) {
    if (!text.Has(p, '\\')) return text.Fail(p);
    p = SkipEscape(text, p);
    if (p == nullptr) return nullptr;
    p = text.FindSpecial(p);
  }
  return p + 1;
}

inline const char* SkipString(Text& text, const char* p) {
  p = text.FindSpecial(p + 1);
  return text.Has(p, '"') ? p + 1 : SkipEscaped(text, p);
}

const char* SkipDigits(Text& text, const char* p) {
  if (p == text.end || !IsDigit(*p)) return text.Fail(p);
  while (p != text.end && IsDigit(*p)) p++;
  return p;
}

const char* SkipNumber(Text& text, const char* p) {
  if (*p == '-') p++;
  p = text.Has(p, '0') ? p + 1 : SkipDigits(text, p);
  if (p != nullptr && text.Has(p, '.')) p = SkipDigits(text, p + 1);
  if (p == nullptr || p == text.end || (*p | 0x20) != 'e') return p;
  p++;
  if (text.Has(p, '+') || text.Has(p, '-')) p++;
  return SkipDigits(text, p);
}

const char* SkipWord(Text& text, const char* p, std::string_view word) {
  const bool same = static_cast<size_t>(text.end - p) >= word.size() && memcmp(p, word.data(), word.size()) == 0;
  return same ? p + word.size() : text.Fail(p);
}

inline const char* SkipScalar(Text& text, const char* p) {
  switch (*p) {
    case '"': return SkipString(text, p);
    case 't': return SkipWord(text, p, "true");
    case 'f': return SkipWord(text, p, "false");
    case 'n': return SkipWord(text, p, "null");
    default: return SkipNumber(text, p);
  }
}

/// Takes `"name":` and the space behind it.
inline const char* SkipName(Text& text, const char* p) {
  if (!text.Has(p, '"')) return text.Fail(p);
  p = SkipString(text, p);
  return p == nullptr ? nullptr : SkipMark(text, p, ':');
}

char* PutUtf8(char* to, uint32_t point) {
  const auto tail = [point](int shift) { return static_cast<char>(0x80 | (point >> shift & 0x3f)); };
  if (point < 0x80) {
    *to++ = static_cast<char>(point);
  } else if (point < 0x800) {
    *to++ = static_cast<char>(0xc0 | point >> 6);
    *to++ = tail(0);
  } else if (point < 0x10000) {
    *to++ = static_cast<char>(0xe0 | point >> 12);
    *to++ = tail(6);
    *to++ = tail(0);
  } else {
    *to++ = static_cast<char>(0xf0 | point >> 18);
    *to++ = tail(12);
    *to++ = tail(6);
    *to++ = tail(0);
  }
  return to;
}

bool IsHighSurrogate(int unit) { return (unit & ~0x3ff) == 0xd800; }
bool IsLowSurrogate(int unit) { return (unit & ~0x3ff) == 0xdc00; }

/// Decodes \uXXXX, with the low surrogate behind a high one. A lone surrogate becomes U+FFFD, as in TextEncoder.
const char* DecodeUnicode(Text& text, const char* p, char*& to) {
  const int unit = UnicodeEscape(p, text.end);
  if (unit < 0) return text.Fail(p);
  const int next = IsHighSurrogate(unit) ? UnicodeEscape(p + 6, text.end) : -1;
  if (next >= 0 && IsLowSurrogate(next)) {
    to = PutUtf8(to, static_cast<uint32_t>(0x10000 + ((unit & 0x3ff) << 10 | (next & 0x3ff))));
    return p + 12;
  }
  const bool lone = IsHighSurrogate(unit) || IsLowSurrogate(unit);
  to = PutUtf8(to, lone ? 0xfffd : static_cast<uint32_t>(unit));
  return p + 6;
}

const char* DecodeEscape(Text& text, const char* p, char*& to) {
  const char plain = text.end - p >= 2 ? Unescaped(p[1]) : 0;
  if (plain == 0) return DecodeUnicode(text, p, to);
  *to++ = plain;
  return p + 2;
}

/// Copies a plain run. Whole blocks are stored, so bytes behind the copy are overwritten: the arena has room for them,
/// because at least as many bytes of the text are still to come.
char* CopyPlain(char* to, const char* p, const char* run_end, const char* end) {
  char* const copied = to + (run_end - p);
  for (; p < run_end && static_cast<size_t>(end - p) >= kBlock; p += kBlock, to += kBlock) Store(to, Load(p));
  while (p < run_end) *to++ = *p++;
  return copied;
}

}  // namespace

void Text::Look(const char* p) {
  block_ = p;
  const size_t left = static_cast<size_t>(limit_ - p);
  char padded[kLook] = {};  // at the end of the text, which counts as special
  if (left < kLook) memcpy(padded, p, left);
  specials_ = MarkSpecials(left < kLook ? padded : p);
}

const char* SkipLongSpace(const char* p, const char* end) {
  if (IsSpace(*p) && p + 1 != end && !IsSpace(p[1])) return p + 1;
  for (; static_cast<size_t>(end - p) >= kBlock; p += kBlock) {
    const Block b = Load(p);
    const Block space = (Block)(b == ' ') | (Block)(b == '\n') | (Block)(b == '\r') | (Block)(b == '\t');
    const unsigned length = FirstMatch(~space);
    if (length != kBlock) return p + length;
  }
  while (p != end && IsSpace(*p)) p++;
  return p;
}

const char* SkipValue(Text& text, const char* p) {
  Nesting nesting;
  for (;;) {
    if (p == text.end) return text.Fail(p);
    if (*p == '{' || *p == '[') {
      const bool object = *p == '{';
      p = SkipSpace(text, p + 1);
      if (!text.Has(p, object ? '}' : ']')) {
        nesting.Push(object);
        if (object && (p = SkipName(text, p)) == nullptr) return nullptr;
        continue;
      }
      p++;
    } else if ((p = SkipScalar(text, p)) == nullptr) {
      return nullptr;
    }
    // Behind a value: close what ends here, then go on with the next one.
    for (;; p++, nesting.Pop()) {
      if (nesting.empty()) return p;
      p = SkipSpace(text, p);
      if (p == text.end) return text.Fail(p);
      if (*p == ',') break;
      if (*p != (nesting.in_object() ? '}' : ']')) return text.Fail(p);
    }
    p = SkipSpace(text, p + 1);
    if (nesting.in_object() && (p = SkipName(text, p)) == nullptr) return nullptr;
  }
}

const char* DecodeString(Text& text, const char* p, Arena& arena, std::string_view& content) {
  char* const start = arena.Next();
  char* to = start;
  for (p++; p != nullptr; p = DecodeEscape(text, p, to)) {
    const char* const special = text.FindSpecial(p);
    to = CopyPlain(to, p, special, text.end);
    p = special;
    if (text.Has(p, '"')) {
      content = {start, static_cast<size_t>(to - start)};
      arena.Take(content.size());
      return p + 1;
    }
    if (!text.Has(p, '\\')) return text.Fail(p);
  }
  return nullptr;
}

bool IsJson(std::string_view content) {
  Text text(content);
  const char* const p = SkipValue(text, SkipSpace(text, content.data()));
  return p != nullptr && SkipSpace(text, p) == text.end;
}

}  // namespace sidepost::json
