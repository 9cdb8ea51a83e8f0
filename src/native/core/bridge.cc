#include "bridge.h"

#include <memory>
#include <utility>

namespace sidepost {

namespace {
// A broker that is down with debug=all logs thousands of lines a second; a busy event loop must not make them memory.
constexpr size_t kMaxLogLines = 4096;
}  // namespace

std::shared_ptr<Bridge> Bridge::Open(Napi::Env env, std::function<void(Napi::Env)> on_wake) {
  auto bridge = std::make_shared<Bridge>();
  bridge->env_ = env;
  bridge->on_wake_ = std::move(on_wake);
  // The function's context owns a share, so that a wake-up already queued finds the bridge alive.
  auto* share = new std::shared_ptr<Bridge>(bridge);
  napi_value name;
  napi_create_string_utf8(env, "sidepost", NAPI_AUTO_LENGTH, &name);
  napi_status status = napi_create_threadsafe_function(
      env, nullptr, nullptr, name, 0, 1, nullptr,
      [](napi_env, void*, void* context) { delete static_cast<std::shared_ptr<Bridge>*>(context); }, share, OnWake,
      &bridge->function_);
  if (status != napi_ok) {
    delete share;
    return nullptr;
  }
  napi_unref_threadsafe_function(env, bridge->function_);
  return bridge;
}

void Bridge::Close() {
  napi_threadsafe_function function;
  std::vector<Finished> dropped;  // outlives the lock: with a report may go a client, whose threads still log
  {
    std::lock_guard<std::mutex> lock(mutex_);
    function = std::exchange(function_, nullptr);
    dropped.swap(finished_);
    logs_.clear();
  }
  on_wake_ = nullptr;
  if (function) napi_release_threadsafe_function(function, napi_tsfn_abort);
}

void Bridge::SetReferenced(bool referenced) {
  if (referenced == referenced_ || !function_) return;
  referenced_ = referenced;
  if (referenced) {
    napi_ref_threadsafe_function(env_, function_);
  } else {
    napi_unref_threadsafe_function(env_, function_);
  }
}

void Bridge::WakeLocked() {
  if (pending_ || !function_) return;
  pending_ = napi_call_threadsafe_function(function_, nullptr, napi_tsfn_nonblocking) == napi_ok;
}

void Bridge::Wake() {
  std::lock_guard<std::mutex> lock(mutex_);
  WakeLocked();
}

void Bridge::Finish(Finished finished) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (!function_) return;
  finished_.push_back(std::move(finished));
  WakeLocked();
}

void Bridge::Log(LogLine line) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (!function_) return;
  if (logs_.size() >= kMaxLogLines) {
    logs_dropped_++;
    return;
  }
  logs_.push_back(std::move(line));
  WakeLocked();
}

std::vector<Finished> Bridge::TakeFinished() {
  std::lock_guard<std::mutex> lock(mutex_);
  return std::exchange(finished_, {});
}

std::vector<LogLine> Bridge::TakeLogs() {
  std::lock_guard<std::mutex> lock(mutex_);
  auto logs = std::exchange(logs_, {});
  if (logs_dropped_) {
    logs.push_back({4, "LOGDROP", std::to_string(logs_dropped_) + " log lines dropped: they came faster than they were read"});
    logs_dropped_ = 0;
  }
  return logs;
}

void Bridge::OnWake(napi_env env, napi_value, void* context, void*) {
  auto bridge = *static_cast<std::shared_ptr<Bridge>*>(context);
  {
    std::lock_guard<std::mutex> lock(bridge->mutex_);
    bridge->pending_ = false;
    if (!bridge->function_) return;
  }
  if (env && bridge->on_wake_) bridge->on_wake_(Napi::Env(env));
}

}  // namespace sidepost
