#include "core/session/stamp_budget.hpp"

#include <algorithm>
#include <span>

namespace netobs {

namespace {
constexpr std::uint64_t longest_stretch = 1U << 20U;
}

bool StampBudget::take(std::uint32_t id, MonotonicTime now) {
  const bool sampled = sampling_.every <= 1 || seen_ % sampling_.every == 0;
  ++seen_;
  if (!sampled) return false;
  give_up_overdue(now);
  const std::size_t limit = sampling_.every == 0 ? limit_ : most_under_way;
  if (count_ >= limit) return false;
  asked_[count_++] = {id, now};
  return true;
}

void StampBudget::came(std::uint32_t id) {
  if (!forget(id)) return;
  if (++came_in_a_row_ < stretch_ || limit_ == most_under_way) return;
  ++limit_;
  came_in_a_row_ = 0;
}

std::size_t StampBudget::under_way(MonotonicTime now) {
  give_up_overdue(now);
  return count_;
}

bool StampBudget::forget(std::uint32_t id) {
  const auto asked = std::span(asked_).first(count_);
  const auto found = std::ranges::find(asked, id, &Asked::id);
  if (found == asked.end()) return false;
  std::ranges::move(found + 1, asked.end(), found);
  --count_;
  return true;
}

void StampBudget::give_up_overdue(MonotonicTime now) {
  std::size_t overdue = 0;
  while (overdue < count_ && now - asked_[overdue].at > patience) ++overdue;
  if (overdue == 0) return;
  const auto asked = std::span(asked_).first(count_);
  std::ranges::move(asked.subspan(overdue), asked.begin());
  count_ -= overdue;
  on_loss();
}

void StampBudget::on_loss() {
  limit_ = std::max<std::size_t>(1, limit_ / 2);
  came_in_a_row_ = 0;
  stretch_ = std::min(stretch_ * 2, longest_stretch);
}

}  // namespace netobs
