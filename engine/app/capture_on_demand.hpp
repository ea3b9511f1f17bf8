#pragma once

#include <future>
#include <optional>

#include "app/hook_setup.hpp"
#include "core/base/time.hpp"

namespace netobs::app {

/// A reflector's captures, open while some session asks for what they give. A capture copies every
/// packet once more, also those of sessions that do not want it, so it must not run for nothing;
/// and opening one takes tens of milliseconds, so it is done beside the loop that answers.
class CaptureOnDemand {
 public:
  explicit CaptureOnDemand(HookWish wish) : wish_(std::move(wish)) {}

  /// Once per turn of the loop. wanted: a request has asked for the layer since the last call.
  /// True: `hooks` has gained or lost the captures.
  [[nodiscard]] bool follow(bool wanted, MonotonicTime now, HookSet& hooks);

 private:
  HookWish wish_;
  std::future<CaptureHookStart> opening_;
  const HookSource* open_ = nullptr;  // a member of the set
  MonotonicTime wanted_at_;
  std::optional<MonotonicTime> refused_at_;
};

}  // namespace netobs::app
