#pragma once
// A stored run in forms that other programs read.

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"
#include "store/store.hpp"

namespace netobs::app {

/// Takes the next piece of the output, some ten kilobytes. An error ends the export.
using ExportSink = std::function<Result<void>(std::string_view)>;

/// What came out, and what the reader of it should know.
struct ExportOutcome {
  std::string run_id;       ///< 16 hexadecimal digits
  std::uint64_t count = 0;  ///< of what the format has one line for
  std::vector<std::string> notes;
};

struct ExportFormat {
  std::string_view name;
  std::string_view unit;  ///< what a line is: "probe"
  std::string_view help;
  Result<ExportOutcome> (*write)(store::Store& store, const store::RunRow& run,
                                 const ExportSink& sink);
};

/// A new format is a function and a row here.
[[nodiscard]] std::span<const ExportFormat> export_format_table();
/// nullptr when there is none of this name.
[[nodiscard]] const ExportFormat* find_export_format(std::string_view name);

/// Writes one run; which: "last" or the first digits of its id. Memory does not grow with the run.
/// An error, before anything is written, when the run has none of the rows that the format needs.
[[nodiscard]] Result<ExportOutcome> export_run(store::Store& store, std::string_view which,
                                               const ExportFormat& format, const ExportSink& sink);

}  // namespace netobs::app
