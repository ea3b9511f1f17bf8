#pragma once
// Retention: raw probe rows older than a point in time go; everything that reports and dashboards
// read stays.

#include <cstdint>
#include <functional>

#include "store/store.hpp"

namespace netobs::store {

struct PruneOptions {
  std::int64_t before_ns = 0;  ///< rows of probes intended earlier go; CLOCK_REALTIME
  bool dry_run = false;        ///< count, remove nothing
  /// Rows looked at, and so removed, in one step: at least 1.
  std::uint64_t batch_rows = 10'000;
};

struct PruneReport {
  std::uint64_t rows = 0;          ///< removed; with dry_run, what would be
  std::uint64_t runs = 0;          ///< that lost rows
  std::uint64_t runs_in_part = 0;  ///< of those, the ones with younger rows, which stay
  std::uint64_t batches = 0;       ///< transactions; with dry_run, steps
  bool interrupted = false;        ///< the caller ended it: older rows may be left
};

/// Told after each batch; false ends the work there, with everything in order.
using PruneProgress = std::function<bool(const PruneReport&)>;

/// Walks the runs that have probe rows and removes each one's rows from its first up to the first
/// that is not older than before_ns, in steps along the primary key, each a transaction of its own.
/// A clock that was set back in mid-run thus keeps rows longer, and never costs a younger one.
/// Repeating it, also after an error or an interruption, goes on where it ended.
[[nodiscard]] Result<PruneReport> prune_probes(Store& store, const PruneOptions& options,
                                               const PruneProgress& progress);

}  // namespace netobs::store
