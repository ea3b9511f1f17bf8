#pragma once
// Made-up rows of probes for the benchmarks of the stores.

#include <array>

#include "store/rows.hpp"
#include "store/schema.hpp"

namespace netobs::bench {

/// A probe as a run with app, kernel and tc on gives it: 14 of 30 slots filled.
[[nodiscard]] inline ProbeRecord make_probe(std::uint64_t sequence) {
  constexpr std::array points{Point::app_tx,      Point::tx_sched,    Point::tc_egress,
                              Point::tx_software, Point::rx_software, Point::tc_ingress,
                              Point::app_rx};
  ProbeRecord record;
  record.sequence = sequence;
  record.intended_ns = 1'700'000'000'000'000'000 + static_cast<std::int64_t>(sequence) * 100'000;
  record.send_error_ns = static_cast<std::int64_t>(sequence % 977);
  record.outcome = Outcome::answered;
  record.reflector_sequence = static_cast<std::uint32_t>(sequence);
  record.reply_count = 1;
  record.reflector_ttl = 64;
  record.reply_ttl = 64;
  record.reason.fill(Reason::not_requested);
  std::int64_t ns = record.intended_ns;
  for (const Host host : {Host::sender, Host::reflector}) {
    for (const Point point : points) record.set(slot(host, point), ns += 531);
  }
  return record;
}

/// The probes of one run from `first` up to below `end`.
[[nodiscard]] inline store::Batch make_batch(std::int64_t run_id, std::uint64_t first,
                                             std::uint64_t end) {
  store::Batch batch{&store::probes_table(), {}};
  batch.cells.reserve((end - first) * store::probe_column_count);
  for (auto i = first; i < end; ++i) store::append_probe(batch.cells, run_id, make_probe(i));
  return batch;
}

}  // namespace netobs::bench
