#include "producer.h"

#include <chrono>
#include <thread>
#include <utility>

namespace sidepost {

Napi::Function Producer::Define(Napi::Env env) {
  return DefineClass(env, "Producer",
                     {
                         InstanceMethod<&Producer::ConfigureCallbacks>("configureCallbacks"),
                         InstanceMethod<&Producer::Connect>("connect"),
                         InstanceMethod<&Producer::Disconnect>("disconnect"),
                         InstanceMethod<&Producer::Name>("name"),
                         InstanceMethod<&Producer::SetPartitioner>("setPartitioner"),
                         InstanceMethod<&Producer::Produce>("produce"),
                         InstanceMethod<&Producer::ConfigureEvents>("configureEvents"),
                         InstanceMethod<&Producer::ProduceEvent>("produceEvent"),
                         InstanceMethod<&Producer::HandOverEvents>("handOver"),
                         InstanceMethod<&Producer::ProduceBatch>("produceBatch"),
                         InstanceMethod<&Producer::CheckBatch>("checkBatch"),
                         InstanceMethod<&Producer::BrokenAt>("brokenAt"),
                         InstanceMethod<&Producer::Queued>("queued"),
                         InstanceMethod<&Producer::QueueView>("queueView"),
                         InstanceMethod<&Producer::ErrorText>("errorText"),
                         InstanceMethod<&Producer::Purge>("purge"),
                         InstanceMethod<&Producer::Renew>("renew"),
                         InstanceMethod<&Producer::FailForTests>("failForTests"),
                         InstanceMethod<&Producer::Journal>("journal"),
                         InstanceMethod<&Producer::TakeChunks>("takeChunks"),
                         InstanceMethod<&Producer::TakeSettled>("takeSettled"),
                         InstanceMethod<&Producer::TakePartlySettled>("takePartlySettled"),
                         InstanceMethod<&Producer::TakeRefused>("takeRefused"),
                         InstanceMethod<&Producer::Spill>("spill"),
                         InstanceMethod<&Producer::Replay>("replay"),
                         InstanceMethod<&Producer::AddBehind>("addBehind"),
                         InstanceMethod<&Producer::DropChunks>("dropChunks"),
                         InstanceMethod<&Producer::KnownTypes>("knownTypes"),
                         InstanceMethod<&Producer::Postponed>("postponed"),
                         InstanceMethod<&Producer::TryAgain>("tryAgain"),
                         InstanceMethod<&Producer::Promise>("promise"),
                         InstanceMethod<&Producer::HashOf>("hashOf"),
                         InstanceMethod<&Producer::DiskStatus>("diskStatus"),
                         InstanceMethod<&Producer::WentToDisk>("wentToDisk"),
                         InstanceMethod<&Producer::FindEvent>("findEvent"),
                         InstanceMethod<&Producer::Poll>("poll"),
                         InstanceMethod<&Producer::SetPollInBackground>("setPollInBackground"),
                         InstanceMethod<&Producer::Flush>("flush"),
                         InstanceMethod<&Producer::WhenContacted>("whenContacted"),
                         InstanceMethod<&Producer::GetMetadata>("getMetadata"),
                         InstanceMethod<&Producer::QueryWatermarkOffsets>("queryWatermarkOffsets"),
                         InstanceMethod<&Producer::SetSaslCredentials>("setSaslCredentials"),
                         InstanceMethod<&Producer::SetOAuthBearerToken>("setOAuthBearerToken"),
                         InstanceMethod<&Producer::SetOAuthBearerTokenFailure>("setOAuthBearerTokenFailure"),
                         InstanceMethod<&Producer::InitTransactions>("initTransactions"),
                         InstanceMethod<&Producer::BeginTransaction>("beginTransaction"),
                         InstanceMethod<&Producer::CommitTransaction>("commitTransaction"),
                         InstanceMethod<&Producer::AbortTransaction>("abortTransaction"),
                         InstanceMethod<&Producer::SendOffsetsToTransaction>("sendOffsetsToTransaction"),
                     });
}

Producer::Producer(const Napi::CallbackInfo& info) : Napi::ObjectWrap<Producer>(info), env_(info.Env()) {
  if (!info[0].IsObject()) {
    Throw(info.Env(), "Global configuration data must be specified");
    return;
  }
  std::string error;
  conf_ = ReadConf(info[0].As<Napi::Object>(), info[1], &error);
  if (!conf_) {
    Throw(info.Env(), error);
    return;
  }
  napi_add_env_cleanup_hook(info.Env(), OnEnvironmentEnd, this);
}

Producer::~Producer() {
  if (conf_) napi_remove_env_cleanup_hook(env_, OnEnvironmentEnd, this);
  TearDown();
}

void Producer::OnEnvironmentEnd(void* producer) { static_cast<Producer*>(producer)->TearDown(); }

void Producer::TearDown() {
  if (std::exchange(torn_down_, true)) return;
  if (client_) {
    client_->Cancel();
    client_->StopEvents();
  }
  if (bridge_) bridge_->Close();
  ForgetTopics();
  client_.reset();  // a job still running holds a share, and destroys the client when it ends
  posts_.reset();
}

bool Producer::EnsureBridge(Napi::Env env) {
  if (bridge_) return true;
  bridge_ = Bridge::Open(env, [this](Napi::Env wake_env) { OnWake(wake_env); });
  if (!reports_) reports_ = std::make_unique<Reports>(env);
  return bridge_ != nullptr;
}

void Producer::UpdateLiveness() {
  const bool alive = connected() || !jobs_.empty();
  if (bridge_) bridge_->SetReferenced(alive);
  if (alive == alive_) return;
  alive_ = alive;
  if (alive) {
    Ref();
  } else {
    Unref();
  }
}

void Producer::RunJob(Napi::Function callback, std::function<Report(std::shared_ptr<Client>)> work) {
  StartJob(callback, std::move(work), false);
}

void Producer::RunDrainingJob(Napi::Function callback, std::function<Report(std::shared_ptr<Client>)> work) {
  StartJob(callback, std::move(work), true);
}

void Producer::StartJob(Napi::Function callback, std::function<Report(std::shared_ptr<Client>)> work, bool draining) {
  const uint64_t id = next_job_++;
  jobs_[id] = {Napi::Persistent(callback), draining};
  UpdateLiveness();
  if (draining) {
    draining_jobs_++;
    bridge_->Wake();
  }
  std::thread([id, work = std::move(work), client = client_, bridge = bridge_] {
    // The share is held until the answer is on its way: a disconnect waits for it, and so answers last.
    bridge->Finish({id, work(client)});
  }).detach();
}

Napi::Value Producer::Connect(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!info[0].IsFunction()) return Throw(env, "Need to specify a callback");
  if (torn_down_ || !EnsureBridge(env)) return Throw(env, "The environment is ending");
  auto conf = std::shared_ptr<rd_kafka_conf_t>(rd_kafka_conf_dup(conf_.get()), [](rd_kafka_conf_t*) {});
  rd_kafka_conf_set_throttle_cb(conf.get(), OnThrottle);
  connects_++;
  RunJob(info[0].As<Napi::Function>(),
         [this, conf, bridge = bridge_, known = client_, begun = disconnects_](std::shared_ptr<Client>) -> Report {
           std::string error;
           std::shared_ptr<Client> client = known;
           if (client) {
             rd_kafka_conf_destroy(conf.get());
           } else {
             client = Client::Create(Conf(conf.get()), bridge, &error);
           }
           return [this, client, error, begun](Napi::Env env, Napi::Function callback) {
             if (!client) {
               ForgetListeners();
               callback.Call({ErrorObject(env, RD_KAFKA_RESP_ERR__STATE, error)});
               return;
             }
             if (disconnects_ != begun || (connected() && client_ != client)) {
               Client::DestroyElsewhere(client);
               callback.Call({ErrorObject(env, RD_KAFKA_RESP_ERR__STATE, "Disconnected while connecting")});
               return;
             }
             if (client_ != client) ForgetMessages();
             client_ = client;
             if (posts_) client_->Keep(posts_->memory());
             name_ = rd_kafka_name(client->handle());
             UpdateLiveness();
             bridge_->Wake();  // for what was queued while there was nobody to drain it
             auto result = Napi::Object::New(env);
             result.Set("name", name_);
             callback.Call({env.Null(), result});
           };
         });
  return env.Null();
}

Napi::Value Producer::Disconnect(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!info[0].IsFunction()) return Throw(env, "Need to specify a callback");
  if (!EnsureBridge(env)) return Throw(env, "The environment is ending");
  HandOver();
  ForgetTopics();
  // From here on every method sees a disconnected producer; the client lives until its last job lets go.
  std::shared_ptr<Client> client = std::exchange(client_, nullptr);
  poll_in_background_ = false;
  disconnects_++;
  if (client) {
    client->Cancel();
    client->StopEvents();
  }
  std::weak_ptr<Client> watched = client;
  auto share = std::make_shared<std::shared_ptr<Client>>(std::move(client));
  RunJob(info[0].As<Napi::Function>(), [this, share, watched, begun = connects_](std::shared_ptr<Client>) -> Report {
    // Destroys the client here, unless another job still holds it: then that one does, and this waits for it.
    share->reset();
    while (!watched.expired()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return [this, begun](Napi::Env env, Napi::Function callback) {
      if (connects_ == begun) {  // otherwise all of it belongs to the next client by now
        ForgetMessages();
        ForgetListeners();
      }
      callback.Call({env.Null(), Napi::Boolean::New(env, true)});
    };
  });
  return env.Null();
}

void Producer::ForgetMessages() {
  reports_->Forget();
  if (posts_) posts_->Detach();
  queue_.Remove({queue_.messages, queue_.bytes});
}

Napi::Value Producer::Name(const Napi::CallbackInfo& info) {
  return Napi::String::New(info.Env(), connected() ? name_ : "");
}

Napi::Value Producer::SetPartitioner(const Napi::CallbackInfo& info) {
  // librdkafka asks for a partition on its own threads and waits for the answer: JavaScript cannot give one there.
  return Throw(info.Env(),
               "A partitioner in JavaScript is not supported: set the property 'partitioner' "
               "(murmur2_random places keys where Java clients do), or give produce() a partition");
}

rd_kafka_topic_t* Producer::Topic(const std::string& name) {
  auto known = topics_.find(name);
  if (known != topics_.end()) return known->second;
  rd_kafka_topic_t* topic = rd_kafka_topic_new(client_->handle(), name.c_str(), nullptr);
  if (topic) topics_.emplace(name, topic);
  return topic;
}

void Producer::ForgetTopics() {
  for (auto& entry : topics_) rd_kafka_topic_destroy(entry.second);
  topics_.clear();
}

}  // namespace sidepost
