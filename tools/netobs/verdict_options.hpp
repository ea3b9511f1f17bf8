#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "core/base/result.hpp"
#include "core/compare/comparison.hpp"
#include "core/report/page/page_data.hpp"

namespace netobs::cli {

/// What compare and gate share: how much is too much, and where the verdict goes.
struct VerdictOptions {
  double threshold_pct = 5;
  std::string min_change = "250ns";
  double alpha = 0.05;
  std::string json_file;
  std::string markdown_file;
  std::string junit_file;
  std::string html_file;
  bool quiet = false;

  void add_to(CLI::App& command);
  [[nodiscard]] Result<compare::Settings> settings(compare::Design design) const;
  /// Writes every form that was asked for; the HTML page has the charts of the two runs where both
  /// are given. Returns the exit status: 4 when something is worse.
  [[nodiscard]] int publish(const compare::Comparison& comparison,
                            const report::PageData* base = nullptr,
                            const report::PageData* next = nullptr) const;
};

}  // namespace netobs::cli
