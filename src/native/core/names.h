// Finds a byte string among a few known ones.
#pragma once
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace sidepost {

/// An open-addressed table, at most a quarter full. Names of up to 16 bytes are compared as two words.
class NameTable {
 public:
  explicit NameTable(const std::vector<std::string>& names);

  /// The index of the name, or -1. Of equal names the first.
  int Find(std::string_view name) const {
    const Words words = WordsOf(name);
    for (size_t slot = words.Hash() & mask_;; slot = (slot + 1) & mask_) {
      const Entry& entry = entries_[slot];
      if (entry.index < 0) return -1;
      if (entry.words == words && (name.size() <= 16 || name == entry.name)) return entry.index;
    }
  }

 private:
  /// The length, and the first and the last eight bytes: the whole of a name of up to 16.
  struct Words {
    uint64_t head;
    uint64_t tail;
    size_t size;

    bool operator==(const Words& other) const {
      return head == other.head && tail == other.tail && size == other.size;
    }
    size_t Hash() const { return ((head ^ (tail << 1) ^ size) * 0x9e3779b97f4a7c15u) >> 40; }
  };

  struct Entry {
    Words words;
    std::string name;
    int index = -1;
  };

  static Words WordsOf(std::string_view name) {
    const char* const p = name.data();
    const size_t size = name.size();
    if (size >= 8) return {Word<uint64_t>(p), Word<uint64_t>(p + size - 8), size};
    if (size >= 4) return {Word<uint32_t>(p), Word<uint32_t>(p + size - 4), size};
    if (size >= 2) return {Word<uint16_t>(p), Word<uint16_t>(p + size - 2), size};
    return {size == 1 ? Word<uint8_t>(p) : 0u, 0, size};
  }

  template <typename T>
  static uint64_t Word(const char* p) {
    T word;
    memcpy(&word, p, sizeof word);
    return word;
  }

  std::vector<Entry> entries_;
  size_t mask_;
};

inline NameTable::NameTable(const std::vector<std::string>& names) {
  size_t slots = 16;
  while (slots < names.size() * 4) slots *= 2;
  entries_.resize(slots);
  mask_ = slots - 1;
  for (size_t i = 0; i < names.size(); i++) {
    if (Find(names[i]) >= 0) continue;
    const Words words = WordsOf(names[i]);
    size_t slot = words.Hash() & mask_;
    while (entries_[slot].index >= 0) slot = (slot + 1) & mask_;
    entries_[slot] = {words, names[i], static_cast<int>(i)};
  }
}

}  // namespace sidepost
