#include "scan_binding.h"

#include "read.h"

namespace sidepost {

namespace {

struct KindName {
  const char* name;
  MemberKind kind;
};
constexpr KindName kKinds[] = {
    {"type", MemberKind::kType},       {"data", MemberKind::kData}, {"key", MemberKind::kKey},
    {"headers", MemberKind::kHeaders}, {"id", MemberKind::kId},     {"time", MemberKind::kTime},
};

bool ReadKind(const std::string& name, MemberKind* kind) {
  for (const KindName& known : kKinds) {
    if (name != known.name) continue;
    *kind = known.kind;
    return true;
  }
  return false;
}

bool ReadMemberSpec(const Napi::Object& object, MemberSpec* member) {
  std::string kind;
  member->min_bytes = 0;
  member->max_bytes = SIZE_MAX;
  if (!ReadMember(object, "name", &member->name) || !ReadMember(object, "kind", &kind) ||
      !ReadMember(object, "required", &member->required) || !ReadOptional(object, "minBytes", &member->min_bytes) ||
      !ReadOptional(object, "maxBytes", &member->max_bytes)) {
    return false;
  }
  return ReadKind(kind, &member->kind) || Mistyped(object.Env(), "kind", "one that the scanner can read");
}

Napi::Value Text(Napi::Env env, Slice slice) {
  return IsPresent(slice) ? Napi::String::New(env, slice.data(), slice.size()) : env.Null();
}

Napi::Value Headers(Napi::Env env, const Scanner& scanner, const ScannedEvent& event) {
  auto headers = Napi::Array::New(env, event.header_count);
  for (uint32_t i = 0; i < event.header_count; i++) {
    const ScannedHeader& header = scanner.headers()[event.first_header + i];
    auto pair = Napi::Array::New(env, 2);
    pair.Set(0u, Text(env, header.name));
    pair.Set(1u, Text(env, header.value));
    headers.Set(i, pair);
  }
  return headers;
}

Napi::Value Events(Napi::Env env, const Scanner& scanner) {
  auto events = Napi::Array::New(env, scanner.events().size());
  for (uint32_t i = 0; i < events.Length(); i++) {
    const ScannedEvent& event = scanner.events()[i];
    auto object = Napi::Object::New(env);
    object.Set("type", Napi::Number::New(env, event.type));
    object.Set("data", Text(env, event.data));
    object.Set("key", Text(env, event.key));
    object.Set("id", Text(env, event.id));
    object.Set("time", Text(env, event.time));
    object.Set("headers", Headers(env, scanner, event));
    events.Set(i, object);
  }
  return events;
}

}  // namespace

bool ReadScanSpec(const Napi::Object& object, ScanSpec* spec) {
  std::vector<Napi::Object> members;
  Napi::Object reserved;
  if (!ReadMember(object, "types", &spec->types) || !ReadMember(object, "members", &members) ||
      !ReadMember(object, "maxHeaders", &spec->max_headers) || !ReadMember(object, "reservedHeaders", &reserved) ||
      !ReadMember(reserved, "prefix", &spec->reserved_prefix) ||
      !ReadMember(reserved, "names", &spec->reserved_names)) {
    return false;
  }
  if (members.size() > kMaxMembers) return Mistyped(object.Env(), "members", "fewer");
  spec->members.resize(members.size());
  for (size_t i = 0; i < members.size(); i++) {
    if (!ReadMemberSpec(members[i], &spec->members[i])) return false;
  }
  return true;
}

Napi::Value ScanForTests(const Napi::CallbackInfo& info) {
  static constexpr const char* kStatus[] = {"ok", "malformed", "invalid"};
  const auto bytes = info[0].As<Napi::Uint8Array>();
  const std::string_view body(reinterpret_cast<const char*>(bytes.Data()), bytes.ByteLength());
  const std::string framing_name = info[1].ToString();
  const Framing framing = framing_name == "lines"    ? Framing::kLines
                          : framing_name == "single" ? Framing::kOne
                                                     : Framing::kArray;
  ScanSpec spec;
  if (!ReadScanSpec(info[2].As<Napi::Object>(), &spec)) return info.Env().Undefined();
  Scanner scanner(framing == Framing::kOne ? WithoutType(spec) : spec);
  const ScanResult scan = scanner.Scan(body, framing);
  auto result = Napi::Object::New(info.Env());
  result.Set("status", kStatus[static_cast<size_t>(scan.status)]);
  result.Set("offset", Napi::Number::New(info.Env(), static_cast<double>(scan.offset)));
  if (scan.status == ScanStatus::kOk) result.Set("events", Events(info.Env(), scanner));
  return result;
}

}  // namespace sidepost
