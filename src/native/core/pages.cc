#include "pages.h"

#include <sys/mman.h>

#include <cinttypes>
#include <cstdio>
#include <cstdlib>

namespace sidepost {

size_t ReleaseCode() {
  FILE* maps = fopen("/proc/self/maps", "re");
  if (!maps) return 0;
  size_t released = 0;
  char* line = nullptr;
  size_t capacity = 0;
  while (getline(&line, &capacity, maps) > 0) {
    uintptr_t start, end;
    int file = 0;
    if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " r-xp %*s %*s %*s %n", &start, &end, &file) != 2) continue;
    if (file == 0 || line[file] != '/') continue;
    if (madvise(reinterpret_cast<void*>(start), end - start, MADV_DONTNEED) == 0) released += end - start;
  }
  free(line);
  fclose(maps);
  return released;
}

}  // namespace sidepost
