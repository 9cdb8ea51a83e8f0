// Sixteen bytes at a time, by the vector extensions that GCC and Clang share: SSE2 on x86-64, NEON on arm64.
#pragma once
#include <cstdint>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace sidepost {

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "MaskOf takes the first byte for the lowest");

typedef uint8_t Block __attribute__((vector_size(16)));
constexpr size_t kBlock = sizeof(Block);

inline Block Load(const char* from) {
  Block block;
  memcpy(&block, from, kBlock);
  return block;
}

inline void Store(char* to, Block block) { memcpy(to, &block, kBlock); }

/// A bit for each byte of a comparison's result (each 0x00 or 0xff), the first byte's the lowest.
inline uint32_t MaskOf(Block matches) {
#if defined(__SSE2__)
  return static_cast<uint32_t>(_mm_movemask_epi8((__m128i)matches));
#else
  uint64_t half[2];
  memcpy(half, &matches, kBlock);
  // Leaves bit i of byte i, and adds all bytes up in the highest.
  const auto gather = [](uint64_t bytes) { return (bytes & 0x8040201008040201) * 0x0101010101010101 >> 56; };
  return static_cast<uint32_t>(gather(half[0]) | gather(half[1]) << 8);
#endif
}

/// The index of the first byte that matches; 16 when none does.
inline unsigned FirstMatch(Block matches) {
  return static_cast<unsigned>(__builtin_ctz(MaskOf(matches) | 0x10000u));
}

inline bool AnyMatch(Block matches) { return MaskOf(matches) != 0; }

}  // namespace sidepost
