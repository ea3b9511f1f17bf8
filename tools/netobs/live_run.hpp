#pragma once

#include <unistd.h>

#include <functional>

#include "app/run_config.hpp"
#include "app/run_control.hpp"
#include "core/base/result.hpp"
#include "core/report/renderer.hpp"
#include "core/report/summary.hpp"
#include "progress_view.hpp"
#include "run_options.hpp"

namespace netobs::cli {

using Measure = std::function<Result<report::Summary>(app::RunControl&)>;

/// Does the work on a thread of its own, with its progress on a terminal; the first SIGINT, SIGTERM
/// or SIGHUP asks it to stop, the second to give up. Returns when it has ended.
[[nodiscard]] Result<void> run_watched(const app::RunConfig& config, ProgressMode mode,
                                       const std::function<void(app::RunControl&)>& work);

/// Runs a measurement on a thread of its own, with a live view on a terminal and Ctrl-C ending
/// it early, then prints the summary as the options say. Returns the exit status.
int run_and_print(const RunOptions& options, const app::RunConfig& config, const Measure& measure);

/// Text on standard output: with colour and UTF-8 where the terminal has them and NO_COLOR is
/// unset.
void print_text(const report::Summary& summary);
/// How a descriptor, standard output if none is given, wants its text.
[[nodiscard]] report::RenderStyle terminal_style(int fd = STDOUT_FILENO);
/// To a file, or "-" for standard output. An error when it cannot be written.
[[nodiscard]] Result<void> write_output(const std::string& path, const std::string& text);

}  // namespace netobs::cli
