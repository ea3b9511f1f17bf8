#pragma once
// Two captures that may be of the same packets: are they, or are they parts of one; which one is
// nearer to the sender, and how far are their clocks apart?

#include <array>
#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "core/capture/flow_key.hpp"
#include "core/capture/matcher.hpp"

namespace netobs::capture {

struct SurveyResult {
  std::uint64_t common = 0;  ///< packets of sessions that both captures have, or seem to
  /// They are taken at two places. Else what they have in common are packets that repeat, as those
  /// of a ping that began anew do.
  bool two_points = false;
  bool direction_known = false;  ///< which one is nearer to the sender is told by evidence
  bool second_is_near = false;
  /// A request's time at the far point minus that at the near one, median: what the clocks differ
  /// by and the way between.
  std::int64_t offset_ns = 0;
};

/// Takes the beginning of each capture. Single thread; memory: some 200 octets per packet.
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
  struct Seen {
    OrientedFlow flow;
    std::int64_t ns = 0;
    bool unique = false;  // it holds something of its own, as a time: it comes no second time
  };
  struct Point {
    std::unordered_map<std::uint64_t, Seen> packets;  // by what they are, the first of each
    std::optional<std::int64_t> first_ns;
    std::int64_t last_ns = 0;
  };
  /// What both have, by way: the times of the second capture minus those of the first.
  struct Differences {
    std::vector<std::int64_t> requests;
    std::vector<std::int64_t> replies;
    std::uint64_t unique = 0;
    std::uint64_t smaller = 0;  // packets of sessions in the capture that has fewer
    [[nodiscard]] std::uint64_t common() const { return requests.size() + replies.size(); }
  };

  [[nodiscard]] bool is_unique(const Datagram& datagram, const OrientedFlow& flow);
  [[nodiscard]] Differences compare() const;
  [[nodiscard]] bool overlap() const;
  [[nodiscard]] bool two_points(const Differences& differences, bool direction_known) const;

  Match match_;
  NoRecords sink_;
  Matcher matcher_;
  std::array<Point, 2> points_;
  std::unordered_map<std::uint64_t, std::uint64_t> latest_;  // payload, by flow and side
};

}  // namespace netobs::capture
