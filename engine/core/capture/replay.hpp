#pragma once
// A whole capture, packet by packet: frames to datagrams, datagrams to sessions, and the account of
// everything that is none of them.

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "core/capture/census.hpp"
#include "core/capture/link_frame.hpp"
#include "core/capture/matcher.hpp"

namespace netobs::capture {

/// Cumulative. packets = datagrams + all skipped.
struct ReplayCounters {
  std::uint64_t packets = 0;
  std::uint64_t datagrams = 0;
  std::uint64_t of_sessions = 0;      ///< datagrams that are, or may have been, part of a session
  std::uint64_t first_fragments = 0;  ///< datagrams whose rest is in packets that are skipped
  std::array<std::uint64_t, skip_count> skipped{};  ///< by Skip
  std::uint64_t reordered = 0;    ///< captured a little before the packet in front
  std::uint64_t clock_steps = 0;  ///< times went back by more than that
  std::uint64_t without_time =
      0;  ///< the capture has none of them, or one before 1970 or past 2116
};

/// Single thread.
class Replay {
 public:
  Replay(MatcherConfig config, SessionSink& sink) : matcher_(std::move(config), sink) {}

  /// capture_ns: since 1970, any value.
  void on_packet(LinkType link, std::int64_t capture_ns, std::span<const std::byte> frame,
                 Vantage vantage);
  /// The end of the capture. Nothing may come after it.
  void finish() { matcher_.finish(clock_.now); }

  /// Times went back so often that they cannot be those of one clock.
  [[nodiscard]] bool out_of_order() const;

  [[nodiscard]] const ReplayCounters& counters() const { return counters_; }
  [[nodiscard]] const Matcher& matcher() const { return matcher_; }
  [[nodiscard]] const Census& census() const { return census_; }
  [[nodiscard]] std::optional<std::int64_t> first_ns() const { return first_ns_; }
  [[nodiscard]] std::int64_t last_ns() const { return last_ns_; }  ///< the latest
  /// Sizes of the first few steps of the capture's clock.
  [[nodiscard]] const std::vector<std::int64_t>& clock_steps_ns() const { return steps_ns_; }

 private:
  /// The capture's time without its steps back.
  struct Clock {
    std::int64_t highest_ns = 0;  // since the last step
    MonotonicTime now;            // from 0
  };
  [[nodiscard]] MonotonicTime follow_clock(std::int64_t ns);

  Matcher matcher_;
  Census census_;
  ReplayCounters counters_;
  Clock clock_;
  std::optional<std::int64_t> first_ns_;
  std::int64_t last_ns_ = 0;
  std::vector<std::int64_t> steps_ns_;
};

}  // namespace netobs::capture
