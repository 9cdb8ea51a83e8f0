#include "scan_binding.h"

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

size_t SizeOr(const Napi::Value& value, size_t otherwise) {
  return value.IsNumber() ? static_cast<size_t>(value.As<Napi::Number>().Int64Value()) : otherwise;
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

ScanSpec ReadScanSpec(const Napi::Object& spec) {
  ScanSpec read;
  const auto types = spec.Get("types").As<Napi::Array>();
  for (uint32_t i = 0; i < types.Length(); i++) read.types.push_back(types.Get(i).ToString());
  const auto members = spec.Get("members").As<Napi::Array>();
  for (uint32_t i = 0; i < members.Length(); i++) {
    const auto object = members.Get(i).As<Napi::Object>();
    MemberSpec member;
    member.name = object.Get("name").ToString();
    member.required = object.Get("required").ToBoolean();
    member.min_bytes = SizeOr(object.Get("minBytes"), 0);
    member.max_bytes = SizeOr(object.Get("maxBytes"), SIZE_MAX);
    if (i >= kMaxMembers || !ReadKind(object.Get("kind").ToString(), &member.kind)) {
      Throw(spec.Env(), "The scanner cannot read the member " + member.name);
      return read;
    }
    read.members.push_back(member);
  }
  read.max_headers = SizeOr(spec.Get("maxHeaders"), SIZE_MAX);
  return read;
}

Napi::Value ScanForTests(const Napi::CallbackInfo& info) {
  static constexpr const char* kStatus[] = {"ok", "malformed", "invalid"};
  const auto bytes = info[0].As<Napi::Uint8Array>();
  const std::string_view body(reinterpret_cast<const char*>(bytes.Data()), bytes.ByteLength());
  const std::string framing_name = info[1].ToString();
  const Framing framing = framing_name == "lines"    ? Framing::kLines
                          : framing_name == "single" ? Framing::kOne
                                                     : Framing::kArray;
  const ScanSpec spec = ReadScanSpec(info[2].As<Napi::Object>());
  Scanner scanner(framing == Framing::kOne ? WithoutType(spec) : spec);
  const ScanResult scan = scanner.Scan(body, framing);
  auto result = Napi::Object::New(info.Env());
  result.Set("status", kStatus[static_cast<size_t>(scan.status)]);
  result.Set("offset", Napi::Number::New(info.Env(), static_cast<double>(scan.offset)));
  if (scan.status == ScanStatus::kOk) result.Set("events", Events(info.Env(), scanner));
  return result;
}

}  // namespace sidepost
