#include "app/replay/capture_merge.hpp"

#include <algorithm>

#include "core/base/saturating.hpp"

namespace netobs::app {
namespace {

constexpr std::int64_t far_delay_ns = 100'000'000;
/// A request that stood in a queue makes the far clock look ahead; the next ones pull it back.
constexpr std::int64_t slow_follow = 64;

}  // namespace

Result<void> CaptureMerge::fetch(CaptureFiles& files, Head& head) {
  if (head.fetched) return {};
  NETOBS_TRY(packet, files.next());
  head = {packet, true};
  return {};
}

Result<std::optional<CaptureMerge::Packet>> CaptureMerge::next() {
  NETOBS_TRY_VOID(fetch(near_, near_head_));
  if (far_) {
    NETOBS_TRY_VOID(fetch(*far_, far_head_));
    const auto& near = near_head_.packet;
    const auto& far = far_head_.packet;
    const bool far_first =
        far && (!near || saturating_sum(saturating_difference(far->ns, offset_ns_), far_delay_ns) <=
                             near->ns);
    if (far_first) {
      far_head_.fetched = false;
      return Packet{*far, capture::Vantage::far};
    }
  }
  if (!near_head_.packet) return std::optional<Packet>();
  near_head_.fetched = false;
  return Packet{*near_head_.packet, capture::Vantage::near};
}

void CaptureMerge::follow(std::int64_t offset_ns) {
  const auto ahead = saturating_difference(offset_ns, offset_ns_);
  offset_ns_ = ahead < 0 ? offset_ns : saturating_sum(offset_ns_, ahead / slow_follow);
}

std::vector<capture::CaptureFile> CaptureMerge::describe() const {
  auto files = near_.describe();
  if (far_) {
    for (auto& file : far_->describe()) files.push_back(std::move(file));
  }
  return files;
}

std::optional<double> CaptureMerge::progress() const {
  auto all = near_.bytes();
  auto read = near_.bytes_read();
  if (far_) {
    all = all && far_->bytes() ? std::optional(*all + *far_->bytes()) : std::nullopt;
    read += far_->bytes_read();
  }
  if (!all || *all == 0) return std::nullopt;
  return std::min(1.0, static_cast<double>(read) / static_cast<double>(*all));
}

}  // namespace netobs::app
