#include "core/capture/record_comment.hpp"

#include <fmt/format.h>

#include <iterator>
#include <optional>
#include <span>

#include "core/stats/view.hpp"

namespace netobs::capture {
namespace {

/// The part of the way that one packet goes: out up to the reflector's application, or back.
std::span<const std::size_t> way(bool reply) {
  const auto half = std::span(path_order).size() / 2;
  return reply ? std::span(path_order).subspan(half) : std::span(path_order).first(half);
}

std::string times_of(const ProbeRecord& record, bool reply) {
  std::string text;
  std::optional<std::size_t> before;
  for (const std::size_t slot_index : way(reply)) {
    const auto ns = record.at(slot_index);
    if (!ns) continue;
    const bool same_host = before && slot_host(*before) == slot_host(slot_index);
    if (same_host) {
      fmt::format_to(std::back_inserter(text), ", {} {:+}", name(slot_point(slot_index)),
                     stats::saturating_difference(*ns, record.ns[*before]));
    } else {
      fmt::format_to(std::back_inserter(text), "; {}: {} {}", name(slot_host(slot_index)),
                     name(slot_point(slot_index)), *ns);
    }
    before = slot_index;
  }
  return text;
}

std::string round_trips_of(const ProbeRecord& record) {
  std::string text;
  for (const auto& view : stats::view_table) {
    const auto ns = stats::rtt_ns(record, view);
    if (!ns) continue;
    fmt::format_to(std::back_inserter(text), "{}{} {}", text.empty() ? "; round trip: " : ", ",
                   view.label, *ns);
  }
  return text;
}

}  // namespace

std::string comment_of(const ProbeRecord& record, bool reply) {
  auto text = fmt::format("netobs probe {} {}, {} (ns)", record.sequence, reply ? "back" : "out",
                          name(record.outcome));
  text += times_of(record, reply);
  if (reply) text += round_trips_of(record);
  return text;
}

}  // namespace netobs::capture
