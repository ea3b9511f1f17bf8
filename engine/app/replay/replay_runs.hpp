#pragma once

#include <map>
#include <optional>
#include <string>

#include "app/replay/replay.hpp"
#include "app/store_set.hpp"
#include "core/capture/replay.hpp"

namespace netobs::app {

/// Each session of a replay as a run: its rows, its document and its summary.
class ReplayRuns final : public capture::SessionSink {
 public:
  ReplayRuns(const ReplayConfig& config, StoreSet stores)
      : config_(config), stores_(std::move(stores)) {}

  [[nodiscard]] bool admits(const capture::SessionIdentity& session) override;
  void on_records(const capture::SessionIdentity& session,
                  std::span<const ProbeRecord> records) override;
  void on_rollups(const capture::SessionIdentity& session, std::vector<stats::Rollup> rollups,
                  std::vector<stats::IntervalCounts> counts) override;

  /// Whether roll-ups have anywhere to go.
  [[nodiscard]] bool keeps() const { return config_.keep_store; }
  /// After Replay::finish(): documents and summaries, by order of appearance. capture_text: what
  /// was read, for the runs' documents.
  [[nodiscard]] std::vector<capture::SessionReport> finish(const capture::Matcher& matcher,
                                                           const std::string& capture_text);
  [[nodiscard]] std::uint64_t refused() const { return refused_; }
  /// For the reader: what happened to rows of earlier runs.
  [[nodiscard]] std::vector<std::string> close_stores() { return stores_.finish(); }

 private:
  struct Run {
    std::int64_t id = 0;
    std::uint64_t records = 0;
  };

  [[nodiscard]] report::RunDocument describe(const capture::ReplaySession& session, const Run& run,
                                             const std::string& capture_text) const;

  const ReplayConfig& config_;
  StoreSet stores_;
  std::map<std::size_t, Run> runs_;  // by the session's index
  std::uint64_t refused_ = 0;
};

}  // namespace netobs::app
