#pragma once

#include <string>

#include "app/run_config.hpp"
#include "app/run_control.hpp"

namespace netobs::cli {

/// One line on standard error, redrawn in place; nothing at all unless that is a terminal.
class ProgressLine {
 public:
  ProgressLine(const app::RunConfig& config, bool wanted);
  ~ProgressLine() { clear(); }
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  void draw(const app::Progress& progress);
  void clear();

 private:
  [[nodiscard]] std::string time_left(const app::Progress& progress) const;

  std::uint64_t count_;
  Duration duration_;
  bool enabled_;
  bool drawn_ = false;
  std::int64_t started_ns_;
};

}  // namespace netobs::cli
