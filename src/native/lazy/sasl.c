// The functions of Cyrus libsasl2 that librdkafka calls (rdkafka_sasl_cyrus.c), each handed on to the system's library.
// Any thread, as in libsasl2 itself.
#include <sasl/sasl.h>

#include "lazy.h"
#include "open.h"

static void* library;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void open_library(void) {
  library = sidepost_open("libsasl2.so.2");
  if (library && SIDEPOST_REAL(library, sasl_client_init)(NULL) != SASL_OK) library = NULL;
}

static void* sasl_library(void) {
  pthread_once(&once, open_library);
  return library;
}

int sidepost_lazy_sasl_available(void) { return sasl_library() != NULL; }

// librdkafka calls this for every client; the real one runs when the library is opened.
int sasl_client_init(const sasl_callback_t* callbacks) {
  (void)callbacks;
  return SASL_OK;
}

int sasl_client_new(const char* service, const char* server, const char* local, const char* remote,
                    const sasl_callback_t* callbacks, unsigned flags, sasl_conn_t** connection) {
  if (!sasl_library()) return SASL_NOMECH;
  return SIDEPOST_REAL(library, sasl_client_new)(service, server, local, remote, callbacks, flags, connection);
}

const char* sasl_errstring(int error, const char* languages, const char** language) {
  return sasl_library() ? SIDEPOST_REAL(library, sasl_errstring)(error, languages, language)
                        : "libsasl2.so.2 is not on this machine";
}

// All below take a connection, which only sasl_client_new makes: the library is open.
int sasl_client_start(sasl_conn_t* connection, const char* mechanisms, sasl_interact_t** prompt, const char** out,
                      unsigned* length, const char** mechanism) {
  return SIDEPOST_REAL(library, sasl_client_start)(connection, mechanisms, prompt, out, length, mechanism);
}

int sasl_client_step(sasl_conn_t* connection, const char* in, unsigned in_length, sasl_interact_t** prompt,
                     const char** out, unsigned* out_length) {
  return SIDEPOST_REAL(library, sasl_client_step)(connection, in, in_length, prompt, out, out_length);
}

void sasl_dispose(sasl_conn_t** connection) {
  if (sasl_library()) SIDEPOST_REAL(library, sasl_dispose)(connection);
}

const char* sasl_errdetail(sasl_conn_t* connection) {
  return SIDEPOST_REAL(library, sasl_errdetail)(connection);
}

int sasl_getprop(sasl_conn_t* connection, int property, const void** value) {
  return SIDEPOST_REAL(library, sasl_getprop)(connection, property, value);
}

int sasl_listmech(sasl_conn_t* connection, const char* user, const char* prefix, const char* separator,
                  const char* suffix, const char** result, unsigned* length, int* count) {
  return SIDEPOST_REAL(library, sasl_listmech)(connection, user, prefix, separator, suffix, result, length, count);
}
