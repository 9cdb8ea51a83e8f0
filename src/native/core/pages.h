// Memory that the process needs only while it starts.
#pragma once
#include <cstddef>

namespace sidepost {

/// Takes the pages of all code out of this process's page table: what still runs comes back from the kernel's page
/// cache, a fault for each 64 KiB; what only ran at start does not. Code is mapped from files and never written (a
/// position-independent program's relocations lie in its data), so nothing can be lost. Returns the bytes of the
/// mappings. Any thread; Linux, and elsewhere nothing happens.
size_t ReleaseCode();

}  // namespace sidepost
