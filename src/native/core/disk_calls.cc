// Our extension for events that outlive the process: what JavaScript's spool asks of the posts.
#include "producer.h"

namespace sidepost {

namespace {

Napi::Value BufferOf(Napi::Env env, const std::string& bytes) {
  return Napi::Buffer<char>::Copy(env, bytes.data(), bytes.size());
}

Napi::Value NumberOf(Napi::Env env, uint64_t number) { return Napi::Number::New(env, static_cast<double>(number)); }

using Settled = Journal::Settled;
using Chunks = std::vector<Settled>;

Napi::Value ListOf(Napi::Env env, const Chunks& chunks) {
  auto list = Napi::Array::New(env);
  uint32_t index = 0;
  for (const Settled& settled : chunks) {
    auto taken = Napi::Object::New(env);
    taken.Set("number", NumberOf(env, settled.number));
    taken.Set("replayed", Napi::Boolean::New(env, settled.replayed));
    taken.Set("outcomes", Napi::Buffer<char>::Copy(env, reinterpret_cast<const char*>(settled.outcomes.data()),
                                                   settled.outcomes.size() * sizeof(Outcome)));
    list.Set(index++, taken);
  }
  return list;
}

}  // namespace

Napi::Value Producer::Journal(const Napi::CallbackInfo& info) {
  if (!posts_) return Throw(info.Env(), "configureEvents() comes first");
  posts_->Write(info[0].ToBoolean());
  if (info[1].IsNumber()) posts_->journal.StartAt(static_cast<uint64_t>(IntegerOf(info[1])));
  return info.Env().Undefined();
}

Napi::Value Producer::TakeChunks(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  auto list = Napi::Array::New(env);
  if (!posts_) return list;
  uint32_t index = 0;
  for (const Chunk& chunk : posts_->TakeChunks()) {
    auto taken = Napi::Object::New(env);
    taken.Set("number", NumberOf(env, chunk.number));
    taken.Set("count", NumberOf(env, chunk.count));
    taken.Set("bytes", BufferOf(env, chunk.bytes));
    taken.Set("keys", BufferOf(env, chunk.keys));
    taken.Set("ids", BufferOf(env, chunk.ids));
    taken.Set("alone", Napi::Boolean::New(env, chunk.alone));
    list.Set(index++, taken);
  }
  return list;
}

Napi::Value Producer::TakeSettled(const Napi::CallbackInfo& info) {
  return ListOf(info.Env(), posts_ ? posts_->journal.TakeSettled() : Chunks());
}

Napi::Value Producer::TakePartlySettled(const Napi::CallbackInfo& info) {
  return ListOf(info.Env(), posts_ ? posts_->journal.TakePartlySettled(info[0].ToBoolean()) : Chunks());
}

Napi::Value Producer::TakeRefused(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  auto list = Napi::Array::New(env);
  if (!posts_) return list;
  uint32_t index = 0;
  for (const auto& refused : posts_->TakeRefused()) {
    auto taken = Napi::Object::New(env);
    taken.Set("id", Napi::Buffer<char>::Copy(env, reinterpret_cast<const char*>(&refused.id_hash), sizeof refused.id_hash));
    taken.Set("code", Napi::Number::New(env, refused.code));
    taken.Set("bytes", BufferOf(env, refused.record));
    list.Set(index++, taken);
  }
  return list;
}

Napi::Value Producer::Spill(const Napi::CallbackInfo& info) {
  if (posts_) posts_->Spill();
  return info.Env().Undefined();
}

Napi::Value Producer::Replay(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!posts_ || !info[0].IsBuffer() || !info[1].IsNumber()) return Throw(env, "Need to specify a chunk and its number");
  auto view = [](const Napi::Value& value) -> std::string_view {
    if (!value.IsBuffer()) return {};
    const auto bytes = value.As<Napi::Buffer<char>>();
    return {bytes.Data(), bytes.Length()};
  };
  const bool taken = posts_->Replay(view(info[0]), static_cast<uint64_t>(IntegerOf(info[1])), view(info[2]));
  HandOver();
  return Napi::Boolean::New(env, taken);
}

Napi::Value Producer::AddBehind(const Napi::CallbackInfo& info) {
  if (!posts_ || !info[0].IsBuffer()) return Throw(info.Env(), "Need to specify key hashes");
  const auto bytes = info[0].As<Napi::Buffer<char>>();
  EachKey({bytes.Data(), bytes.Length()}, [this](uint32_t key) { posts_->journal.AddBehind(key); });
  return info.Env().Undefined();
}

Napi::Value Producer::DropChunks(const Napi::CallbackInfo& info) {
  if (!posts_ || !info[0].IsArray() || !info[1].IsBuffer()) return Throw(info.Env(), "Need to specify chunks and keys");
  const auto list = info[0].As<Napi::Array>();
  std::unordered_set<uint64_t> numbers;
  for (uint32_t i = 0; i < list.Length(); i++) numbers.insert(static_cast<uint64_t>(IntegerOf(list.Get(i))));
  const auto keys = info[1].As<Napi::Buffer<char>>();
  posts_->DropChunks(numbers, {keys.Data(), keys.Length()});
  return info.Env().Undefined();
}

Napi::Value Producer::KnownTypes(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  auto list = Napi::Array::New(env);
  for (uint32_t i = 0; posts_ && i < posts_->types(); i++) {
    auto type = Napi::Object::New(env);
    type.Set("type", posts_->TypeOf(static_cast<uint16_t>(i)));
    type.Set("topic", posts_->TopicOf(static_cast<uint16_t>(i)));
    list.Set(i, type);
  }
  return list;
}

Napi::Value Producer::HashOf(const Napi::CallbackInfo& info) {
  if (!info[0].IsString()) return Throw(info.Env(), "Need to specify an id");
  const uint64_t hash = IdHash(info[0].As<Napi::String>().Utf8Value());
  return Napi::Buffer<char>::Copy(info.Env(), reinterpret_cast<const char*>(&hash), sizeof hash);
}

Napi::Value Producer::DiskStatus(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  auto status = Napi::Object::New(env);
  status.Set("age", NumberOf(env, posts_ ? posts_->Age() : 0));
  status.Set("spilling", Napi::Boolean::New(env, posts_ && posts_->spilling()));
  status.Set("behind", NumberOf(env, posts_ ? posts_->journal.behind() : 0));
  return status;
}

Napi::Value Producer::WentToDisk(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), posts_ && posts_->went_to_disk);
}

Napi::Value Producer::FindEvent(const Napi::CallbackInfo& info) {
  if (!posts_ || !info[0].IsString()) return info.Env().Undefined();
  return posts_->Find(info[0].As<Napi::String>().Utf8Value());
}

}  // namespace sidepost
