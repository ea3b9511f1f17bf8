#pragma once
// The one value that every renderer takes. Pure: equal inputs give equal summaries and so equal
// bytes, live or rebuilt from a store.

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/report/run_document.hpp"
#include "core/stats/distribution.hpp"
#include "core/stats/ledger.hpp"
#include "core/stats/path.hpp"
#include "core/stats/view.hpp"

namespace netobs::report {

/// A distribution as figures, nanoseconds. Quantiles are in the order of stats::quantile_table.
struct Figures {
  std::uint64_t count = 0;
  std::int64_t min = 0;
  std::int64_t max = 0;
  double mean = 0;
  double stddev = 0;
  std::array<std::optional<std::int64_t>, stats::quantile_table.size()> quantile{};
  std::array<std::optional<stats::Interval>, stats::quantile_table.size()> confidence{};

  [[nodiscard]] std::optional<std::int64_t> p50() const { return quantile[0]; }
  [[nodiscard]] std::optional<std::int64_t> p90() const { return quantile[1]; }
  [[nodiscard]] std::optional<std::int64_t> p99() const { return quantile[2]; }
  [[nodiscard]] std::optional<std::int64_t> p99_9() const { return quantile[3]; }
};

/// nullopt for an empty distribution.
[[nodiscard]] std::optional<Figures> figures_of(const stats::Distribution& distribution);
/// All positions moved by -offset: PDV (RFC 5481 4.2) is the delay less the smallest delay.
[[nodiscard]] Figures moved_down(const Figures& figures, std::int64_t offset_ns);

struct SegmentSummary {
  stats::Segment segment;
  std::optional<Figures> figures;   ///< nullopt: never complete
  std::optional<double> share;      ///< mean / mean of the application's round trip
  std::int64_t uncertainty_ns = 0;  ///< +-, of the clocks between its ends
};

struct Summary {
  RunDocument document;  ///< cleaned
  stats::PointLedger ledger;
  stats::Path path;
  std::size_t primary = 0;  ///< in stats::view_table: what jitter, PDV and shares are of
  std::array<std::optional<Figures>, stats::view_table.size()> rtt;      ///< by stats::view_table
  std::array<std::optional<Figures>, stats::view_table.size()> net_rtt;  ///< by stats::view_table
  std::optional<Figures> rtt_intended;
  std::optional<Figures> send_error;
  std::optional<Figures> ipdv;
  std::optional<Figures> ipdv_forward;
  std::optional<Figures> ipdv_backward;
  std::optional<Figures> pdv;
  std::optional<Figures> pdv_forward;
  std::optional<Figures> pdv_backward;
  std::vector<SegmentSummary> segments;  ///< along the way
  std::optional<std::size_t> largest;    ///< index of the segment with the largest mean
  std::vector<std::string> notes;        ///< what the reader should do, most urgent first
};

/// Distributions by metric key as stats::RunStatistics names them, each merged over all intervals.
[[nodiscard]] Summary assemble(const RunDocument& document, const stats::PointLedger& ledger,
                               const std::map<std::string, stats::Distribution>& distributions);

/// The round trip as a whole; nullopt: no probe was answered.
[[nodiscard]] inline const std::optional<Figures>& round_trip(const Summary& summary) {
  return summary.rtt[summary.primary];
}

/// Whether a row about the view tells the reader anything: an empty one does where the layer is one
/// that he would expect.
[[nodiscard]] bool is_worth_a_row(const Summary& summary, std::size_t view);

/// Why the view has no figures, for a person: "va0 has no hardware clock".
[[nodiscard]] std::string absence_of(const Summary& summary, const stats::View& view);

}  // namespace netobs::report
