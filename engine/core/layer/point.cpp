#include "core/layer/point.hpp"

namespace netobs {
namespace {

constexpr std::array<std::string_view, reason_count> reason_names{
    "captured",   "not_requested",  "not_on_path",  "unsupported",
    "probe_lost", "lost_by_kernel", "lost_by_us",   "late",
    "duplicate",  "clock_invalid",  "not_reported", "skipped_by_nic"};

static_assert(
    [] {
      PointSet seen;
      for (const auto& row : point_table) seen.add(row.point);
      if (seen.bits() != (1U << point_count) - 1U) return false;
      for (std::size_t i = 0; i < layer_count; ++i) {
        if (index(layer_table[i].layer) != i) return false;
      }
      return true;
    }(),
    "every point has a row, and layers are indexed by the enum");

}  // namespace

std::optional<Layer> layer_from_name(std::string_view name) {
  for (const auto& row : layer_table) {
    if (row.name == name) return row.layer;
  }
  return std::nullopt;
}

std::optional<Point> point_from_name(std::string_view name) {
  for (const auto& row : point_table) {
    if (row.name == name) return row.point;
  }
  return std::nullopt;
}

std::string_view name(Reason reason) {
  return reason_names[static_cast<std::size_t>(reason)];
}

std::optional<Reason> reason_from_name(std::string_view name) {
  for (std::size_t i = 0; i < reason_count; ++i) {
    if (reason_names[i] == name) return static_cast<Reason>(i);
  }
  return std::nullopt;
}

}  // namespace netobs
