#include "core/report/transport_comparison.hpp"

#include <algorithm>

#include "core/stats/checks.hpp"
#include "core/stats/path.hpp"
#include "core/stats/view.hpp"
#include "core/stats/wide.hpp"

namespace netobs::report {
namespace {

constexpr std::string_view bypass_name = "af_xdp";

std::optional<std::int64_t> first_of(const ProbeRecord& record, Point a, Point b) {
  const auto first = record.at(Host::reflector, a);
  return first ? first : record.at(Host::reflector, b);
}

/// Between the reflector's application and its points next to the wire, both ways.
std::optional<std::int64_t> reflector_stack_ns(const ProbeRecord& record) {
  const auto low_rx = first_of(record, Point::rx_software, Point::xdp_rx);
  const auto rx = record.at(Host::reflector, Point::app_rx);
  const auto tx = record.at(Host::reflector, Point::app_tx);
  const auto low_tx = record.at(Host::reflector, Point::tx_software);
  if (!low_rx || !rx || !tx || !low_tx) return std::nullopt;
  return stats::saturating_sum(stats::saturating_difference(*rx, *low_rx),
                               stats::saturating_difference(*low_tx, *tx));
}

}  // namespace

void TransportFigures::add(const ProbeRecord& record) {
  if (record.outcome == Outcome::send_failed) return;
  ++sent;
  if (record.outcome != Outcome::answered) {
    ++lost;
    return;
  }
  if (record.clock_stepped) return;
  if (const auto ns = stats::rtt_ns(record, stats::view_table[0])) rtt.add(*ns);
  if (const auto ns = reflector_stack_ns(record)) reflector.add(*ns);
}

std::optional<PairedDifference> paired_difference(const TransportFigures& more,
                                                  const TransportFigures& less) {
  std::vector<std::int64_t> differences;
  const auto rounds = std::min(more.block_p50_ns.size(), less.block_p50_ns.size());
  for (std::size_t i = 0; i < rounds; ++i) {
    if (!more.block_p50_ns[i] || !less.block_p50_ns[i]) continue;
    differences.push_back(
        stats::saturating_difference(*more.block_p50_ns[i], *less.block_p50_ns[i]));
  }
  if (differences.empty()) return std::nullopt;
  std::ranges::sort(differences);
  PairedDifference found;
  found.rounds = differences.size();
  found.p50_ns = differences[(differences.size() - 1) / 2];
  if (const auto ranks = stats::confidence_ranks(differences.size(), stats::p50)) {
    found.interval = stats::Interval{differences[ranks->low - 1], differences[ranks->high - 1]};
  }
  return found;
}

const TransportFigures* bypass(const TransportComparison& comparison) {
  const auto found = std::ranges::find(comparison.transports, bypass_name, &TransportFigures::name);
  const bool usable = found != comparison.transports.end() && !found->rtt.empty();
  return usable ? &*found : nullptr;
}

}  // namespace netobs::report
