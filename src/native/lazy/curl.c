// The nine functions of libcurl that librdkafka calls (rdhttp.c), each handed on to the system's library.
// Any thread, as in libcurl itself.
#define CURL_DISABLE_TYPECHECK
#define curl_url_get curl_url_get_declared  // its first parameter is const or not, by libcurl's version
#include <curl/curl.h>
#undef curl_url_get
#include <stdarg.h>

#include "lazy.h"
#include "open.h"

// The header wraps these in checking macros, which would rewrite the definitions below.
#undef curl_easy_setopt
#undef curl_easy_getinfo

static void* library;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void open_library(void) {
  library = sidepost_open("libcurl.so.4");
  if (library) SIDEPOST_REAL(library, curl_global_init)(CURL_GLOBAL_DEFAULT);
}

static void* curl_library(void) {
  pthread_once(&once, open_library);
  return library;
}

int sidepost_lazy_curl_available(void) { return curl_library() != NULL; }

// librdkafka calls this for every client; the real one runs when the library is opened.
CURLcode curl_global_init(long flags) {
  (void)flags;
  return CURLE_OK;
}

// Null where the library is missing: librdkafka then reports "Failed to create curl handle" and calls nothing else.
CURL* curl_easy_init(void) { return curl_library() ? SIDEPOST_REAL(library, curl_easy_init)() : NULL; }

// Every option librdkafka sets takes a long or a pointer, which travel alike in a variadic call on Linux' 64-bit ABIs.
CURLcode curl_easy_setopt(CURL* handle, CURLoption option, ...) {
  // These two would hand the system's OpenSSL objects to the OpenSSL inside the core. Without them libcurl
  // uses its own default CA certificates, which is what the callback would have set.
  if (option == CURLOPT_SSL_CTX_FUNCTION || option == CURLOPT_SSL_CTX_DATA) return CURLE_OK;
  va_list arguments;
  va_start(arguments, option);
  void* value = va_arg(arguments, void*);
  va_end(arguments);
  return SIDEPOST_REAL(library, curl_easy_setopt)(handle, option, value);
}

CURLcode curl_easy_getinfo(CURL* handle, CURLINFO info, ...) {
  va_list arguments;
  va_start(arguments, info);
  void* value = va_arg(arguments, void*);
  va_end(arguments);
  return SIDEPOST_REAL(library, curl_easy_getinfo)(handle, info, value);
}

CURLcode curl_easy_perform(CURL* handle) { return SIDEPOST_REAL(library, curl_easy_perform)(handle); }
void curl_easy_cleanup(CURL* handle) { SIDEPOST_REAL(library, curl_easy_cleanup)(handle); }

const char* curl_easy_strerror(CURLcode code) {
  return curl_library() ? SIDEPOST_REAL(library, curl_easy_strerror)(code) : "libcurl.so.4 is not on this machine";
}

// Null where the library is missing, as for want of memory: librdkafka checks it.
char* curl_easy_escape(CURL* handle, const char* text, int length) {
  return curl_library() ? SIDEPOST_REAL(library, curl_easy_escape)(handle, text, length) : NULL;
}

void curl_free(void* pointer) {
  if (pointer && curl_library()) SIDEPOST_REAL(library, curl_free)(pointer);
}

struct curl_slist* curl_slist_append(struct curl_slist* list, const char* text) {
  return curl_library() ? SIDEPOST_REAL(library, curl_slist_append)(list, text) : NULL;
}

void curl_slist_free_all(struct curl_slist* list) {
  if (list && curl_library()) SIDEPOST_REAL(library, curl_slist_free_all)(list);
}

CURLU* curl_url(void) { return curl_library() ? SIDEPOST_REAL(library, curl_url)() : NULL; }

void curl_url_cleanup(CURLU* url) {
  if (url && curl_library()) SIDEPOST_REAL(library, curl_url_cleanup)(url);
}

CURLUcode curl_url_set(CURLU* url, CURLUPart part, const char* text, unsigned int flags) {
  return curl_library() ? SIDEPOST_REAL(library, curl_url_set)(url, part, text, flags) : CURLUE_OUT_OF_MEMORY;
}

CURLUcode curl_url_get(const CURLU* url, CURLUPart part, char** text, unsigned int flags) {
  if (!curl_library()) return CURLUE_OUT_OF_MEMORY;
  return ((CURLUcode(*)(const CURLU*, CURLUPart, char**, unsigned int))dlsym(library, "curl_url_get"))(url, part, text,
                                                                                                      flags);
}
