#pragma once

#include <string_view>

#include "core/report/page/page_data.hpp"
#include "core/report/summary.hpp"
#include "store/store.hpp"

namespace netobs::app {

/// The summary of a stored run, from its document, its point counts and its roll-ups: equal, byte
/// for byte once rendered, to the one printed live. which: "last" or the first digits of the id.
[[nodiscard]] Result<report::Summary> load_summary(store::Store& store, std::string_view which);

/// The same from the raw probe rows instead of the roll-ups: the proof that both tell one story.
/// Jitter, ledger and counters still come from the document, which has the reasons that rows lack.
/// An error when rows are missing: expired, lost, or still in the spool.
[[nodiscard]] Result<report::Summary> recompute_summary(store::Store& store,
                                                        std::string_view which);

/// What the HTML report needs, in bounded memory: the summary of load_summary(), and the course
/// over time from the raw rows, or from the roll-ups where not all of the rows are left.
[[nodiscard]] Result<report::PageData> load_page(store::Store& store, std::string_view which);

}  // namespace netobs::app
