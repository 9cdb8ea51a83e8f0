// libcurl (for OIDC) and libsasl2 (for GSSAPI) are opened when they are first needed, not linked: they would bring
// some twenty shared libraries into every process, and most configurations use neither.
#pragma once
#ifdef __cplusplus
extern "C" {
#endif

/// 1 if the library can be opened on this machine. Any thread.
int sidepost_lazy_curl_available(void);
int sidepost_lazy_sasl_available(void);

#ifdef __cplusplus
}
#endif
