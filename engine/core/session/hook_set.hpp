#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/session/hook_source.hpp"

namespace netobs {

/// Several sources as one. Events of one source keep their order.
class HookSet : public HookSource {
 public:
  void add(std::unique_ptr<HookSource> source) { sources_.push_back(std::move(source)); }
  /// Between two calls of poll(). The source ends here.
  void remove(const HookSource* source) {
    std::erase_if(sources_, [&](const auto& each) { return each.get() == source; });
  }
  [[nodiscard]] bool empty() const { return sources_.empty(); }

  std::span<const HookEvent> poll() override {
    // Another one first each time: one that always has something must not starve the others.
    for (std::size_t i = 0; i < sources_.size(); ++i) {
      next_ = next_ + 1 < sources_.size() ? next_ + 1 : 0;
      const auto events = sources_[next_]->poll();
      if (!events.empty()) return events;
    }
    return {};
  }
  std::uint64_t dropped(Point point) const override {
    std::uint64_t sum = 0;
    for (const auto& source : sources_) sum += source->dropped(point);
    return sum;
  }
  std::uint64_t losses() const override {
    std::uint64_t sum = 0;
    for (const auto& source : sources_) sum += source->losses();
    return sum;
  }
  PointSet points_enabled() const override {
    PointSet points;
    for (const auto& source : sources_) points = points | source->points_enabled();
    return points;
  }
  std::string description() const override {
    std::string text;
    for (const auto& source : sources_) {
      if (!text.empty()) text += "; ";
      text += source->description();
    }
    return text;
  }

 private:
  std::vector<std::unique_ptr<HookSource>> sources_;
  std::size_t next_ = 0;
};

}  // namespace netobs
