// How one system library is opened, once, at first need.
#pragma once
#include <dlfcn.h>
#include <pthread.h>
#include <stddef.h>

/// Opens `name` with its symbols kept to itself: the core brings its own OpenSSL, which must not meet the system's.
static inline void* sidepost_open(const char* name) { return dlopen(name, RTLD_NOW | RTLD_LOCAL); }

/// Declares `real_<function>()`: the function of that name in `handle`, with the type its header gives it.
#define SIDEPOST_REAL(handle, function) \
  ((__typeof__(&function))dlsym((handle), #function))
