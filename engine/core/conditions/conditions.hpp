#pragma once
// What `netobs check` finds out about a host and the way to it. Every item is there or says why
// not.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "core/base/time.hpp"
#include "core/stats/distribution.hpp"
#include "core/stats/path.hpp"
#include "core/stats/view.hpp"

namespace netobs::conditions {

/// A figure, or the reason why there is none. Neither: it was not asked for, or not reached.
template <class T>
struct Item {
  std::optional<T> value = {};
  std::optional<Error> failure = {};

  Item() = default;
  explicit Item(Result<T> outcome) {
    if (outcome) {
      value = std::move(*outcome);
    } else {
      failure = std::move(outcome).error();
    }
  }
};

struct Resolution {
  std::string address;                ///< the one that is measured
  std::optional<double> dns_ns = {};  ///< empty: the target is an address, nothing was looked up
};

struct LocalAddress {
  std::string address;
  std::string interface;  ///< empty: no interface holds the address
};

struct PathMtu {
  std::uint32_t bytes = 0;  ///< of the IP packet
  bool confirmed = false;   ///< an echo of this size came back unfragmented
};

/// Echo requests and their replies.
struct EchoSeries {
  std::string method;  ///< "ICMP datagram socket", "ICMP raw socket", "ping"
  std::uint64_t sent = 0;
  std::uint64_t received = 0;
  std::uint64_t kernel_stamped = 0;      ///< round trips between two kernel timestamps
  stats::Distribution rtt = {};          ///< ns
  std::optional<double> jitter_ns = {};  ///< RFC 3550
  std::optional<std::uint8_t> ttl = {};  ///< of the last reply
  int last_errno = 0;  ///< where no reply came and the kernel or a router said why
  [[nodiscard]] double loss() const {
    return sent == 0 ? 0 : static_cast<double>(sent - received) / static_cast<double>(sent);
  }
};

/// One iperf3 test.
struct Throughput {
  double sent_bps = 0;
  double received_bps = 0;
  double target_bps = 0;                          ///< 0: as fast as it goes
  double bytes = 0;                               ///< sent
  double seconds = 0;                             ///< in which data went; 0: not said
  std::optional<double> segment_bytes = {};       ///< TCP
  std::optional<std::uint64_t> retransmits = {};  ///< TCP
  std::optional<double> jitter_ns = {};           ///< UDP
  std::optional<std::uint64_t> packets = {};      ///< UDP
  std::optional<std::uint64_t> lost = {};         ///< UDP, packets
  std::optional<double> local_cpu_percent = {};   ///< of one CPU
  std::optional<double> remote_cpu_percent = {};

  [[nodiscard]] std::optional<double> loss() const;
  /// Share of the segments that were sent again.
  [[nodiscard]] std::optional<double> retransmit_share() const;
};

/// The middle and the tail of one view or segment in one run.
struct LatencyFigures {
  std::uint64_t count = 0;
  std::optional<std::int64_t> p50_ns = {};
  std::optional<std::int64_t> p99_ns = {};
};

/// A run of probes, alone on the link or while iperf3 filled it.
struct LoadedRun {
  struct SegmentFigures {
    stats::Segment segment;
    LatencyFigures figures;
  };
  std::uint64_t sent = 0;  ///< left the application
  std::uint64_t received = 0;
  std::uint64_t lost = 0;
  std::uint64_t send_failed = 0;        ///< this host's kernel refused them; not among `sent`
  std::uint64_t skipped = 0;            ///< intended sends left out because they were too late
  std::uint64_t violations = 0;         ///< records out of causal order or that do not add up
  std::optional<Throughput> load = {};  ///< the test beside the probes; empty: idle
  std::array<std::optional<LatencyFigures>, stats::view_table.size()> views = {};
  std::vector<SegmentFigures> segments =
      {};  ///< along the way; those that were never complete lack
  stats::ClockRelation clocks = {};
};

/// In the order in which they are run.
enum class LoadPhase : std::uint8_t { idle, upload, download };
inline constexpr std::size_t load_phase_count = 3;
[[nodiscard]] constexpr std::size_t index(LoadPhase phase) {
  return static_cast<std::size_t>(phase);
}

/// The same probes three times: with the link idle, and with it filled in one direction.
struct LoadedLatency {
  Duration time{};  ///< of each run
  std::uint64_t probes_per_second = 0;
  std::array<Item<LoadedRun>, load_phase_count> runs = {};
};

struct Conditions {
  std::string id;  ///< 16 hex digits
  std::int64_t started_at_ns = 0;
  std::string target;
  bool interrupted = false;
  Item<Resolution> resolution;
  Item<LocalAddress> local;
  Item<std::string> public_ip;
  Item<PathMtu> path_mtu;
  Item<EchoSeries> echo;
  Item<Throughput> tcp_upload;
  Item<Throughput> tcp_download;
  Item<Throughput> udp_upload;
  Item<Throughput> udp_download;
  std::optional<LoadedLatency> loaded;  ///< empty: not asked for

  /// From the time to live of the echo replies; empty when none came.
  [[nodiscard]] std::optional<unsigned> hops() const;
  /// Whether anything came back from a network; what this host knows by itself does not count.
  [[nodiscard]] bool measured_anything() const;
};

/// Routers on the way back: hosts start at 64, 128 or 255, the least of these that fits.
[[nodiscard]] unsigned hops_from_ttl(std::uint8_t ttl);

}  // namespace netobs::conditions
