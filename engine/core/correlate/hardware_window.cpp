#include "core/correlate/hardware_window.hpp"

#include "core/base/saturating.hpp"

namespace netobs {
namespace {

/// A packet may wait in a stuck queue or for a stopped CPU; beyond this it was another one.
constexpr std::int64_t longest_stay_ns = 1'000'000'000;
/// What clocks of NICs and conversions of hook clocks leave over.
constexpr std::int64_t slack_ns = 2'000;
/// What two clocks may run apart by: 0.1 %.
constexpr std::int64_t run_apart_divisor = 1'000;

struct Window {
  std::int64_t from_ns = INT64_MIN;
  std::int64_t to_ns = INT64_MAX;
};

bool is_software(const PointInfo& row) {
  return row.layer != Layer::nic && row.in_order;
}

/// The last of the host's software points on the way out, or the first on the way in.
std::optional<std::int64_t> next_to_nic(const ProbeRecord& record, Host host, Direction direction) {
  std::optional<std::int64_t> found;
  for (const auto& row : point_table) {
    if (row.direction != direction || !is_software(row)) continue;
    const auto ns = record.at(host, row.point);
    if (!ns) continue;
    found = ns;
    if (direction == Direction::rx) break;
  }
  return found;
}

Window transmit_window(const ProbeRecord& record, Host host) {
  const auto handed_over = next_to_nic(record, host, Direction::tx);
  if (!handed_over) return {};
  Window window{*handed_over, saturating_sum(*handed_over, longest_stay_ns)};
  // The answer to it came later.
  const auto answered = record.at(Host::sender, Point::app_rx);
  if (host == Host::sender && answered) window.to_ns = *answered;
  return window;
}

Window receive_window(const ProbeRecord& record, Host host) {
  const auto handed_over = next_to_nic(record, host, Direction::rx);
  if (!handed_over) return {};
  Window window{saturating_difference(*handed_over, longest_stay_ns), *handed_over};
  const auto sent = record.at(Host::sender, Point::app_tx);
  if (host == Host::sender && sent) window.from_ns = *sent;
  return window;
}

/// Within one clock: the sender's NIC sees a probe leave and its answer come within what the
/// application waits. Of a probe that was answered twice the two may be of different replies, and
/// at the reflector of different copies of the request.
bool is_possible_distance(const ProbeRecord& record, Host host) {
  const auto out = record.at(host, Point::tx_hardware);
  const auto in = record.at(host, Point::rx_hardware);
  const auto app_out = record.at(host, Point::app_tx);
  const auto app_in = record.at(host, Point::app_rx);
  if (!out || !in || !app_out || !app_in) return true;
  if (host != Host::sender || record.reply_count > 1) return true;
  const auto apart = saturating_difference(*in, *out);
  const auto waited = saturating_difference(*app_in, *app_out);
  return apart >= 0 && apart <= saturating_sum(waited, waited / run_apart_divisor + slack_ns);
}

}  // namespace

bool is_repeated(const std::optional<HardwareSighting>& before, const HardwareSighting& now) {
  constexpr std::int64_t together_ns = 20'000;
  if (!before || before->nic_ns != now.nic_ns) return false;
  const auto apart = saturating_difference(now.software_ns, before->software_ns);
  return apart > together_ns || apart < -together_ns;
}

bool has_hardware_times(const ProbeRecord& record, Host host) {
  return record.at(host, Point::tx_hardware) || record.at(host, Point::rx_hardware);
}

bool is_possible(const ProbeRecord& record, Host host, Point point,
                 const std::optional<std::int64_t>& bound_ns) {
  if (!bound_ns) return is_possible_distance(record, host);
  const auto ns = record.at(host, point);
  if (!ns) return true;
  const auto window = info(point).direction == Direction::tx ? transmit_window(record, host)
                                                             : receive_window(record, host);
  const auto unsure = saturating_sum(*bound_ns, slack_ns);
  return *ns >= saturating_difference(window.from_ns, unsure) &&
         *ns <= saturating_sum(window.to_ns, unsure);
}

}  // namespace netobs
