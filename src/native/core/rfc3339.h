// Whether text is a time.
#pragma once
#include <string_view>

namespace sidepost {

/// An RFC 3339 date-time: a real day of the calendar, and no leap second, which no clock here knows.
bool IsRfc3339(std::string_view text);

}  // namespace sidepost
