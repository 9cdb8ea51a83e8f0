// Strict JSON text (RFC 8259, exactly what JSON.parse takes) read in place. Nothing here reads past `end`.
#pragma once
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "simd.h"

namespace sidepost::json {

/// Marks each quote, backslash and control character.
inline Block Specials(Block block) {
  return (Block)(block == '"') | (Block)(block == '\\') | (Block)(block < 0x20);
}

/// A text, and what is already known of it.
class Text {
 public:
  Text() = default;
  explicit Text(std::string_view text) : end(text.data() + text.size()), limit_(end), block_(end) {}

  /// May be moved to a line feed further up, and back: no string reaches over one.
  const char* end = nullptr;
  /// Where the reader that returned null found what is not JSON.
  const char* failure = nullptr;

  bool Has(const char* p, char c) const { return p != end && *p == c; }

  /// For readers to return.
  const char* Fail(const char* at) {
    failure = at;
    return nullptr;
  }

  /// The first quote, backslash or control character from p on, or the end: what ends a plain run of a string.
  const char* FindSpecial(const char* p) {
    for (;; p = block_ + kLook) {
      if (static_cast<size_t>(p - block_) >= kLook) Look(p);
      const uint64_t specials = specials_ >> (p - block_);
      if (specials != 0) return p + __builtin_ctzll(specials);
    }
  }

 private:
  static constexpr size_t kLook = 4 * kBlock;

  void Look(const char* p);

  const char* limit_ = nullptr;
  const char* block_ = nullptr;  // the 64 bytes that were looked at last, at first those from the end on,
  uint64_t specials_ = 1;        // and a bit for each: one look finds the ends of several short strings
};

/// The arrays and objects that are open, a bit each: no recursion, so only the text bounds the depth.
class Nesting {
 public:
  bool empty() const { return depth_ == 0; }
  bool in_object() const { return top_ & 1; }

  void Push(bool object) {
    if (depth_ != 0 && depth_ % 64 == 0) below_.push_back(top_);
    top_ = top_ << 1 | static_cast<uint64_t>(object);
    depth_++;
  }

  void Pop() {
    top_ >>= 1;
    depth_--;
    if (depth_ != 0 && depth_ % 64 == 0) {
      top_ = below_.back();
      below_.pop_back();
    }
  }

 private:
  uint64_t top_ = 0;
  size_t depth_ = 0;
  std::vector<uint64_t> below_;
};

/// Room for decoded strings. Decoding never lengthens a text, so one allocation of the text's size is enough for all
/// its strings, and slices into it stay where they are. It is made at the first escape: most texts need none.
class Arena {
 public:
  /// Forgets what it held, and gets ready for the strings of a text of this many bytes.
  void Open(size_t text_bytes) {
    used_ = 0;
    limit_ = text_bytes;
  }

  char* Next() {
    if (capacity_ < limit_) {
      bytes_.reset(new char[limit_]);
      capacity_ = limit_;
    }
    return bytes_.get() + used_;
  }

  void Take(size_t bytes) { used_ += bytes; }

  /// Gives the memory back when it is more than `kept` bytes.
  void Trim(size_t kept) {
    Open(0);
    if (capacity_ <= kept) return;
    bytes_.reset();
    capacity_ = 0;
  }

 private:
  std::unique_ptr<char[]> bytes_;
  size_t used_ = 0;
  size_t limit_ = 0;
  size_t capacity_ = 0;
};

// The readers go on from p in a text known to be UTF-8, and return where they stopped: behind the last character that
// they took. They return null where that is not JSON.

const char* SkipLongSpace(const char* p, const char* end);

inline const char* SkipSpace(const Text& text, const char* p) {
  const bool plain = p == text.end || static_cast<uint8_t>(*p) > ' ';
  return plain ? p : SkipLongSpace(p, text.end);
}

/// Takes one character and the space around it.
inline const char* SkipMark(Text& text, const char* p, char mark) {
  p = SkipSpace(text, p);
  return text.Has(p, mark) ? SkipSpace(text, p + 1) : text.Fail(p);
}

/// Takes one value.
const char* SkipValue(Text& text, const char* p);

const char* DecodeString(Text& text, const char* p, Arena& arena, std::string_view& content);

/// Takes the string whose quote p stands at, and gives its decoded content: a slice of the text or of the arena.
inline const char* ReadString(Text& text, const char* p, Arena& arena, std::string_view& content) {
  const char* const special = text.FindSpecial(p + 1);
  if (!text.Has(special, '"')) return DecodeString(text, p, arena, content);
  content = {p + 1, static_cast<size_t>(special - p - 1)};
  return special + 1;
}

/// Whether the content, already known to be UTF-8, is one JSON value and nothing else.
bool IsJson(std::string_view content);

}  // namespace sidepost::json
