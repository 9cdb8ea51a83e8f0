#include "utf8.h"

#include "simd.h"

namespace sidepost {

namespace {

bool IsAscii(Block block) { return !AnyMatch((Block)(block >= 0x80)); }

/// Marks the bytes that break UTF-8 among p[0..15], given the three bytes before them.
Block Utf8Errors(const char* p) {
  const Block byte = Load(p), before = Load(p - 1), second = Load(p - 2), third = Load(p - 3);
  const Block continues = (Block)((byte & 0xc0) == 0x80);
  const Block expected = (Block)(before >= 0xc0) | (Block)(second >= 0xe0) | (Block)(third >= 0xf0);
  const Block never = (Block)((byte & 0xfe) == 0xc0) | (Block)(byte >= 0xf5);
  const Block overlong =
      ((Block)(before == 0xe0) & (Block)(byte < 0xa0)) | ((Block)(before == 0xf0) & (Block)(byte < 0x90));
  const Block surrogate = (Block)(before == 0xed) & (Block)(byte >= 0xa0);
  const Block too_high = (Block)(before == 0xf4) & (Block)(byte >= 0x90);
  return (continues ^ expected) | never | overlong | surrogate | too_high;
}

bool IsAscii64(const char* p) { return IsAscii(Load(p) | Load(p + 16) | Load(p + 32) | Load(p + 48)); }

}  // namespace

size_t FindInvalidUtf8(std::string_view text) {
  bool open = false;  // a character may reach from the block before into this one
  for (size_t i = 0; i <= text.size(); i += kBlock) {
    while (!open && i + 64 <= text.size() && IsAscii64(text.data() + i)) i += 64;
    char edge[3 + kBlock] = {};
    const char* p = text.data() + i;
    if (i < 3 || i + kBlock > text.size()) {
      const size_t before = i < 3 ? i : 3;
      const size_t after = text.size() - i < kBlock ? text.size() - i : kBlock;
      memcpy(edge + 3 - before, p - before, before + after);
      p = edge + 3;
    }
    const bool ascii = IsAscii(Load(p));
    if (open || !ascii) {
      const unsigned error = FirstMatch(Utf8Errors(p));
      if (error != kBlock) return i + error;
    }
    open = !ascii;
  }
  return std::string_view::npos;
}

}  // namespace sidepost
