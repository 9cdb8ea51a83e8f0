#include "rfc3339.h"

#include <cstdint>

namespace sidepost {

namespace {

/// The number that `digits` characters from p on spell, or -1.
int Digits(const char* p, int digits) {
  int number = 0;
  for (int i = 0; i < digits; i++) {
    const unsigned digit = static_cast<unsigned char>(p[i] - '0');
    if (digit > 9) return -1;
    number = number * 10 + static_cast<int>(digit);
  }
  return number;
}

int DaysIn(int year, int month) {
  static constexpr uint8_t kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  return month == 2 && leap ? 29 : kDays[month - 1];
}

bool IsHourMinute(const char* p) {
  const int hour = Digits(p, 2), minute = Digits(p + 3, 2);
  return hour >= 0 && hour < 24 && p[2] == ':' && minute >= 0 && minute < 60;
}

bool IsOffset(std::string_view text) {
  if (text.size() == 1) return text[0] == 'Z' || text[0] == 'z';
  return text.size() == 6 && (text[0] == '+' || text[0] == '-') && IsHourMinute(text.data() + 1);
}

}  // namespace

bool IsRfc3339(std::string_view text) {
  const char* const p = text.data();
  if (text.size() < 20 || p[4] != '-' || p[7] != '-' || (p[10] | 0x20) != 't' || p[16] != ':') return false;
  const int year = Digits(p, 4), month = Digits(p + 5, 2), day = Digits(p + 8, 2), second = Digits(p + 17, 2);
  if (year < 0 || month < 1 || month > 12 || day < 1 || day > DaysIn(year, month)) return false;
  if (!IsHourMinute(p + 11) || second < 0 || second > 59) return false;
  size_t offset = 19;
  if (p[offset] == '.') {
    do offset++;
    while (offset < text.size() && Digits(p + offset, 1) >= 0);
    if (offset == 20) return false;
  }
  return IsOffset(text.substr(offset));
}

}  // namespace sidepost
