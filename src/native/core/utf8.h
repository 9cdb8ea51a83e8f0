// Whether bytes are UTF-8 (RFC 3629).
#pragma once
#include <cstddef>
#include <string_view>

namespace sidepost {

/// The offset of the first byte that breaks UTF-8 (the text's size when it ends too early), or npos.
size_t FindInvalidUtf8(std::string_view text);

}  // namespace sidepost
