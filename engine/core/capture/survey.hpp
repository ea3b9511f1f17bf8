#pragma once
// Two captures that may be of the same packets: are they, which one is nearer to the sender, and
// how far are their clocks apart?

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "core/capture/flow_key.hpp"
#include "core/capture/matcher.hpp"

namespace netobs::capture {

struct SurveyResult {
  std::uint64_t common = 0;      ///< packets that both captures have
  bool direction_known = false;  ///< which one is nearer to the sender is told by evidence
  bool second_is_near = false;
  /// A request's time at the far point minus that at the near one, median: what the clocks differ
  /// by and the way between.
  std::int64_t offset_ns = 0;
};

/// Takes the beginning of each capture. Single thread; memory: a few dozen octets per packet.
class Survey {
 public:
  /// config: of the replay to come.
  explicit Survey(const MatcherConfig& config);

  /// The first capture goes first, as a whole. point: 0 or 1.
  void on_packet(unsigned point, LinkType link, std::int64_t ns, std::span<const std::byte> frame);
  /// After the last packet.
  [[nodiscard]] SurveyResult conclude();

 private:
  /// Has no room for statistics: only who sends to whom matters.
  class NoRecords final : public SessionSink {
   public:
    [[nodiscard]] bool admits(const SessionIdentity& /*session*/) override { return false; }
    void on_records(const SessionIdentity& /*session*/,
                    std::span<const ProbeRecord> /*records*/) override {}
    void on_rollups(const SessionIdentity& /*session*/, std::vector<stats::Rollup> /*rollups*/,
                    std::vector<stats::IntervalCounts> /*counts*/) override {}
  };
  struct Common {
    OrientedFlow flow;
    std::int64_t difference_ns = 0;  // second minus first
  };

  NoRecords sink_;
  Matcher matcher_;
  std::unordered_map<std::uint64_t, std::int64_t> first_;  // when, by what the packet is
  std::vector<Common> common_;
};

}  // namespace netobs::capture
