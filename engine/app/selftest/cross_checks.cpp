#include "app/selftest/cross_checks.hpp"

#include <fmt/format.h>

#include <array>
#include <map>
#include <optional>
#include <utility>

#include "app/selftest/independent_capture.hpp"
#include "core/capture/probe_frame.hpp"
#include "core/wire/packet.hpp"
#include "linux/capture/live_tap.hpp"
#include "linux/lab/veth_lab.hpp"

namespace netobs::app::selftest {
namespace {

constexpr std::uint64_t probe_count = 2000;
constexpr Duration interval = std::chrono::microseconds(500);
/// What tshark prints of a run must fit the output that is kept of a program.
constexpr std::uint64_t independent_count = 400;

/// One tap's times, by direction and number. A number that was captured twice is left out.
class TapTimes {
 public:
  /// Takes all that waits at the tap.
  explicit TapTimes(LiveTap& tap) {
    while (const auto packet = tap.next()) {
      const auto probe = capture::read_probe_frame(packet->bytes, wire::default_port);
      if (!probe) continue;
      auto& times = probe->reply ? replies_ : requests_;
      const auto [at, fresh] = times.try_emplace(probe->sender_sequence, packet->ns);
      if (!fresh) at->second.reset();
    }
  }
  [[nodiscard]] std::optional<std::int64_t> at(bool reply, std::uint64_t sequence) const {
    const auto& times = reply ? replies_ : requests_;
    const auto found = times.find(static_cast<std::uint32_t>(sequence));
    return found == times.end() ? std::nullopt : found->second;
  }

 private:
  std::map<std::uint32_t, std::optional<std::int64_t>> requests_;
  std::map<std::uint32_t, std::optional<std::int64_t>> replies_;
};

struct TappedRun {
  Block block;
  std::array<TapTimes, host_count> taps;
};

Result<LiveTap> open_tap(const os::NetworkNamespace& where, const std::string& interface) {
  NETOBS_TRY(scope, os::NamespaceScope::enter(where));
  (void)scope;
  return LiveTap::open(
      {.interface = interface, .filter = fmt::format("udp port {}", wire::default_port)});
}

Result<TappedRun> run_with_taps(const Setup& setup, const Hosts& hosts, RunControl& control) {
  NETOBS_TRY(at_sender, open_tap(*hosts.sender, hosts.sender_interface));
  NETOBS_TRY(at_reflector, open_tap(*hosts.reflector, hosts.reflector_interface));
  NETOBS_TRY(block, run_block(plan_block(hosts, setup, probe_count, interval), control));
  return TappedRun{std::move(block), {TapTimes(at_sender), TapTimes(at_reflector)}};
}

/// The receive side: on each host, the tap's time of what came in is rx_software itself.
CrossCheck check_receive_times(const TappedRun& run) {
  CrossCheck check{.key = "pcap_rx_equals_rx_software",
                   .label = "pcap's receive time is rx_software, bit for bit",
                   .skipped = {},
                   .expected = run.block.records.size() * host_count};
  for (const auto& record : run.block.records) {
    for (const Host host : {Host::sender, Host::reflector}) {
      const bool reply = host == Host::sender;
      const auto ours = record.at(host, Point::rx_software);
      const auto theirs = run.taps[index(host)].at(reply, record.sequence);
      if (!ours || !theirs) continue;
      ++check.compared;
      if (*ours == *theirs) ++check.agreed;
    }
  }
  return check;
}

/// Counts whether `middle` lies between two points, on both hosts.
template <class Middle>
CrossCheck check_between(const TappedRun& run, std::string key, std::string label, Point low,
                         Point high, Middle&& middle) {
  CrossCheck check{.key = std::move(key),
                   .label = std::move(label),
                   .skipped = {},
                   .expected = run.block.records.size() * host_count};
  for (const auto& record : run.block.records) {
    for (const Host host : {Host::sender, Host::reflector}) {
      const auto from = record.at(host, low);
      const auto to = record.at(host, high);
      const std::optional<std::int64_t> at = middle(record, host);
      if (!from || !to || !at) continue;
      ++check.compared;
      if (*from <= *at && *at <= *to) ++check.agreed;
    }
  }
  if (check.compared == 0) check.skipped = "the points for it cannot be had here";
  return check;
}

std::vector<CrossCheck> check_transmit_times(const TappedRun& run) {
  return {
      check_between(
          run, "tc_egress_between", "tc_egress lies between tx_sched and net_dev_start_xmit",
          Point::tx_sched, Point::net_dev_start_xmit,
          [](const ProbeRecord& record, Host host) { return record.at(host, Point::tc_egress); }),
      check_between(
          run, "tx_software_after", "tx_software comes after net_dev_start_xmit",
          Point::net_dev_start_xmit, Point::tx_software,
          [](const ProbeRecord& record, Host host) { return record.at(host, Point::tx_software); }),
      check_between(run, "pcap_tx_between",
                    "pcap's transmit time lies between tc_egress and net_dev_start_xmit",
                    Point::tc_egress, Point::net_dev_start_xmit,
                    [&run](const ProbeRecord& record, Host host) {
                      return run.taps[index(host)].at(host == Host::reflector, record.sequence);
                    }),
  };
}

/// A capture's round trip starts at its tap, between tc_egress and net_dev_start_xmit, and ends at
/// rx_software: so it must lie between the round trips that start at these two.
CrossCheck check_independent(const Setup& setup, const Hosts& hosts, RunControl& control) {
  CrossCheck check{.key = "tshark_round_trip",
                   .label = "the round trip that tshark reads from tcpdump's capture",
                   .skipped = {},
                   .expected = independent_count};
  auto capture = IndependentCapture::start(*hosts.sender, hosts.sender_interface);
  if (!capture) {
    check.skipped = capture.error().brief();
    return check;
  }
  const auto block = run_block(plan_block(hosts, setup, independent_count, interval), control);
  const auto times = capture->finish(independent_count);
  if (!block || !times) {
    check.skipped = (!block ? block.error() : times.error()).brief();
    return check;
  }
  for (const auto& record : block->records) {
    const auto found = times->find(record.sequence);
    const auto tc = record.at(Host::sender, Point::tc_egress);
    const auto start = record.at(Host::sender, Point::net_dev_start_xmit);
    const auto end = record.at(Host::sender, Point::rx_software);
    if (found == times->end() || !tc || !start || !end) continue;
    ++check.compared;
    if (*end - *start <= found->second && found->second <= *end - *tc) ++check.agreed;
  }
  return check;
}

}  // namespace

Result<std::vector<CrossCheck>> compare_instruments(const Setup& setup, const Hosts* hosts,
                                                    RunControl& control) {
  std::optional<lab::VethLab> own;
  Hosts ends;
  if (hosts != nullptr) {
    ends = *hosts;
  } else {
    NETOBS_TRY(lab, lab::VethLab::create());
    own.emplace(std::move(lab));
    ends = {&own->sender_side(), &own->reflector_side(), lab::VethLab::sender_interface,
            lab::VethLab::reflector_interface};
  }
  NETOBS_TRY(run, run_with_taps(setup, ends, control));
  std::vector<CrossCheck> checks{check_receive_times(run)};
  for (auto& check : check_transmit_times(run)) checks.push_back(std::move(check));
  checks.push_back(check_independent(setup, ends, control));
  return checks;
}

}  // namespace netobs::app::selftest
