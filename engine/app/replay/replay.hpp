#pragma once

#include <optional>
#include <string>
#include <vector>

#include "app/run_control.hpp"
#include "core/base/result.hpp"
#include "core/base/time.hpp"
#include "core/capture/capture_report.hpp"

namespace netobs::app {

/// A validated `netobs replay`.
struct ReplayConfig {
  std::vector<std::string> files;      ///< "-" = standard input, by itself
  std::vector<std::string> far_files;  ///< of a second point; empty: two files may turn out as two
  capture::Match match = capture::Match::stamp;
  std::vector<std::uint16_t> ports;  ///< of reflectors, beside 862
  std::optional<capture::NumberField> number;
  Duration timeout = std::chrono::seconds(1);
  bool at_sender = false;     ///< the first capture is of the sender's own host: T1 is its clock
  bool at_reflector = false;  ///< the far one is of the reflector's own host
  bool same_clock = false;    ///< both hosts, and both captures, have one clock
  std::vector<std::string> stores;
  bool keep_store = true;
  std::string spool_directory;
  std::string command_line;
};

struct ReplayOutcome {
  capture::CaptureReport report;
  std::optional<Error> error;  ///< why reading did not come to the end; what came before counts
};

/// Reads the captures to their end, or until the control says stop. Errors: what cannot be read at
/// all, and stores that cannot be opened.
[[nodiscard]] Result<ReplayOutcome> replay(ReplayConfig config, RunControl& control);

}  // namespace netobs::app
