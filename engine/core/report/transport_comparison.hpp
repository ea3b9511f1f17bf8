#pragma once
// The same probes over several transports to one reflector, in blocks that take turns: what the
// kernel's network stack costs.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"
#include "core/layer/record.hpp"
#include "core/report/renderer.hpp"
#include "core/stats/distribution.hpp"

namespace netobs::report {

/// What is kept of the probes of one transport.
struct TransportFigures {
  std::string name;         ///< "af_xdp"
  std::string description;  ///< how it ran: its mode, what was refused
  std::optional<Error> failure;
  std::uint64_t sent = 0;
  std::uint64_t lost = 0;
  std::uint64_t violations = 0;   ///< records that cannot be true
  stats::Distribution rtt;        ///< application round trip
  stats::Distribution reflector;  ///< the reflector's stack: lowest receive point to its
                                  ///< application, and from there to its lowest transmit point
  /// Median round trip of each block, in the order of the rounds; nullopt = the block failed.
  std::vector<std::optional<std::int64_t>> block_p50_ns;

  void add(const ProbeRecord& record);
};

struct TransportComparison {
  std::string target;
  std::string link;
  std::string reflector;  ///< what it is, by its own word
  std::uint64_t probes_per_block = 0;
  std::uint32_t rounds = 0;
  std::vector<TransportFigures> transports;
};

/// Median of the differences between two transports' blocks of the same round, with its 95 %
/// confidence interval by order statistics. nullopt without a common round; the interval needs 6.
struct PairedDifference {
  std::int64_t p50_ns = 0;
  std::optional<stats::Interval> interval;
  std::size_t rounds = 0;
};
[[nodiscard]] std::optional<PairedDifference> paired_difference(const TransportFigures& more,
                                                                const TransportFigures& less);

/// The transport that passes the stack by; nullptr when it could not be had.
[[nodiscard]] const TransportFigures* bypass(const TransportComparison& comparison);

[[nodiscard]] std::string render_text(const TransportComparison& comparison,
                                      const RenderStyle& style);
[[nodiscard]] std::string render_json(const TransportComparison& comparison);

}  // namespace netobs::report
