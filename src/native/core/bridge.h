// The one way from librdkafka's threads into JavaScript: a coalescing wake-up, finished jobs and log lines.
#pragma once
#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "napi.h"

namespace sidepost {

struct LogLine {
  int severity;
  std::string facility;
  std::string message;
};

/// A finished blocking job. `report` holds nothing of JavaScript's, so that it may be destroyed on any thread.
struct Finished {
  uint64_t job;
  std::function<void(Napi::Env, Napi::Function)> report;
};

/// Held by shared_ptr: by the Producer, and by every thread that may still have something to say.
/// Any thread may call Wake, Finish and Log, also after Close: then they do nothing.
class Bridge {
 public:
  /// JavaScript thread. `on_wake` runs there, once for any number of wake-ups since its last run.
  static std::shared_ptr<Bridge> Open(Napi::Env env, std::function<void(Napi::Env)> on_wake);
  /// JavaScript thread. No `on_wake` after it. Idempotent.
  void Close();
  /// JavaScript thread. A referenced bridge keeps the event loop alive.
  void SetReferenced(bool referenced);

  void Wake();
  void Finish(Finished finished);
  void Log(LogLine line);

  /// JavaScript thread.
  std::vector<Finished> TakeFinished();
  std::vector<LogLine> TakeLogs();

 private:
  static void OnWake(napi_env env, napi_value, void* context, void*);
  void WakeLocked();

  std::mutex mutex_;
  napi_threadsafe_function function_ = nullptr;  // guarded by mutex_; null once closed
  bool pending_ = false;                         // guarded by mutex_
  std::vector<Finished> finished_;               // guarded by mutex_
  std::vector<LogLine> logs_;                    // guarded by mutex_
  uint64_t logs_dropped_ = 0;                    // guarded by mutex_
  napi_env env_ = nullptr;                       // JavaScript thread
  std::function<void(Napi::Env)> on_wake_;       // JavaScript thread
  bool referenced_ = false;                      // JavaScript thread
};

}  // namespace sidepost
