#include "core/layer/record.hpp"

namespace netobs {
namespace {
constexpr std::array<std::string_view, outcome_count> outcome_names{
    "answered", "lost_forward", "lost_backward", "lost_unknown", "late", "send_failed"};
}

std::string_view name(Outcome outcome) {
  return outcome_names[static_cast<std::size_t>(outcome)];
}

std::optional<Outcome> outcome_from_name(std::string_view name) {
  for (std::size_t i = 0; i < outcome_count; ++i) {
    if (outcome_names[i] == name) return static_cast<Outcome>(i);
  }
  return std::nullopt;
}

}  // namespace netobs
