#include "app/capture_on_demand.hpp"

#include <utility>

namespace netobs::app {
namespace {

/// A session whose probes are further apart asks again, and gets them a little later.
constexpr Duration idle = std::chrono::seconds(10);
/// What could not be opened is not tried for every packet.
constexpr Duration retry_after = std::chrono::seconds(10);

bool is_ready(const std::future<CaptureHookStart>& opening) {
  return opening.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
}

}  // namespace

bool CaptureOnDemand::follow(bool wanted, MonotonicTime now, HookSet& hooks) {
  if (wanted) wanted_at_ = now;
  if (opening_.valid()) {
    if (!is_ready(opening_)) return false;
    auto started = opening_.get();
    if (!started.source) {
      refused_at_ = now;
      return false;
    }
    open_ = started.source.get();
    hooks.add(std::move(started.source));
    return true;
  }
  if (open_ != nullptr) {
    if (now - wanted_at_ < idle) return false;
    hooks.remove(std::exchange(open_, nullptr));
    return true;
  }
  const bool refused_lately = refused_at_ && now - *refused_at_ < retry_after;
  if (!wanted || refused_lately) return false;
  // A new thread is in the network namespace of the one that makes it.
  opening_ = std::async(std::launch::async, [wish = wish_] { return open_captures(wish); });
  return false;
}

}  // namespace netobs::app
