// The scanner as JavaScript sees it.
#pragma once
#include "napi.h"
#include "scan.h"

namespace sidepost {

/// From {types: string[], members: [{name, kind, required, minBytes?, maxBytes?}], maxHeaders, reservedHeaders: {prefix,
/// names: string[]}}; kind is one of type, data, key, headers, id, time. False with an Error pending where it is
/// something else. JavaScript thread.
bool ReadScanSpec(const Napi::Object& object, ScanSpec* spec);

/// scan(body: Uint8Array, framing: "array" | "lines" | "single", spec): {status: "ok" | "malformed" | "invalid", offset,
/// events?: [{type, data, key, id, time, headers: [name, value][]}]}, absent members null. For tests alone. JavaScript
/// thread.
Napi::Value ScanForTests(const Napi::CallbackInfo& info);

}  // namespace sidepost
