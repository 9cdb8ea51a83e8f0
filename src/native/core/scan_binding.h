// The scanner as JavaScript sees it.
#pragma once
#include "napi.h"
#include "scan.h"

namespace sidepost {

/// From {types: string[], members: [{name, kind, required, minBytes?, maxBytes?}], maxHeaders}; kind is one of type,
/// data, key, headers, id, time. It comes from our own JavaScript, so only what would break the scanner is looked at:
/// then an Error is left pending. JavaScript thread.
ScanSpec ReadScanSpec(const Napi::Object& spec);

/// scan(body: Uint8Array, framing: "array" | "lines" | "single", spec): {status: "ok" | "malformed" | "invalid", offset,
/// events?: [{type, data, key, id, time, headers: [name, value][]}]}, absent members null. For tests alone. JavaScript
/// thread.
Napi::Value ScanForTests(const Napi::CallbackInfo& info);

}  // namespace sidepost
