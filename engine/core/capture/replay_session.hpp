#pragma once
// One session out of a capture: packets become the observations of a live run, and those its
// records and statistics, so that both mean the same.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/base/endpoint.hpp"
#include "core/base/time.hpp"
#include "core/capture/link_frame.hpp"
#include "core/capture/probe_numbers.hpp"
#include "core/capture/probe_rules.hpp"
#include "core/correlate/correlator.hpp"
#include "core/session/reply_reader.hpp"
#include "core/stats/run_statistics.hpp"

namespace netobs::capture {

/// What takes a session's packets for.
enum class Match : std::uint8_t { stamp, udp_echo, icmp };
[[nodiscard]] std::string_view name(Match match);

/// Where the capture was taken that a packet comes from, as seen from the sender.
enum class Vantage : std::uint8_t { near, far };

/// When a packet was captured.
struct Moment {
  std::int64_t ns = 0;  ///< since 1970, as the capture says
  MonotonicTime now;    ///< the same without steps back
};

/// Probes that the sessions of a capture may have under way together, beyond the first ones of
/// each; about a kilobyte each.
struct WindowRoom {
  std::size_t left = 0;
};

struct SessionSettings {
  Match match = Match::stamp;
  unsigned key_bits = 32;    ///< ProbeRules::key_bits()
  bool keys_repeat = false;  ///< ProbeRules::keys_repeat()
  Duration timeout = std::chrono::seconds(1);
  bool two_points = false;  ///< the far point has a capture, too
  bool at_sender = false;   ///< the capture's clock is the sender's: T1 is app_tx
  /// The far capture's clock is the reflector's. Else its own times stay out where there are two
  /// points: what lies between them and the capture's would be the difference of two clocks.
  bool at_reflector = false;
  stats::ClockRelation clocks;
  std::int64_t interval_ns = 0;  ///< of roll-ups; 0 = none
  WindowRoom* room = nullptr;    ///< outlives the session; null: its own limit is the only one
};

struct SessionIdentity {
  std::size_t index = 0;  ///< by order of appearance
  Endpoint sender;        ///< an ICMP echo's port is its identifier
  Endpoint reflector;
  std::optional<std::uint16_t> ssid;  ///< where it splits the flow
  wire::Mode mode = wire::Mode::unauthenticated;
};

/// Where finished records and roll-ups go, on the thread that replays.
class SessionSink {
 public:
  virtual ~SessionSink() = default;
  SessionSink() = default;
  SessionSink(const SessionSink&) = delete;
  SessionSink& operator=(const SessionSink&) = delete;

  /// Whether there is room for the statistics of one more session. Asked once per session.
  [[nodiscard]] virtual bool admits(const SessionIdentity& session) = 0;
  /// Records with the sender's own numbers, unwrapped; in the order of the requests.
  virtual void on_records(const SessionIdentity& session, std::span<const ProbeRecord> records) = 0;
  virtual void on_rollups(const SessionIdentity& session, std::vector<stats::Rollup> rollups,
                          std::vector<stats::IntervalCounts> counts) = 0;
};

/// What happened to a session's packets. Cumulative.
struct SessionCounters {
  std::uint64_t requests = 0;            ///< that count: every one of them has a record
  std::uint64_t replies = 0;             ///< to these, duplicates included
  std::uint64_t duplicate_requests = 0;  ///< captured twice, or sent twice under one number
  std::uint64_t replies_seen_again = 0;  ///< captured twice, as their requests were; no duplicates
  std::uint64_t unmeasured = 0;          ///< netobs' own warm-up and drain
  std::uint64_t orphan_replies = 0;      ///< their request is not in the capture
  std::uint64_t hidden_replies = 0;      ///< the snap length cut off what they answer
  std::uint64_t unreadable_replies = 0;  ///< a base that cannot be read
  std::uint64_t hidden_tlvs = 0;         ///< requests whose TLVs the snap length cut off
  std::uint64_t restarts = 0;            ///< the sender began anew with its numbers
  std::uint64_t cut_off = 0;             ///< unanswered when the capture ended within the timeout
};

/// Single thread. Constant memory: grows with what is under way, up to a bound.
class ReplaySession final : private ReplyListener {
 public:
  ReplaySession(SessionIdentity identity, const SessionSettings& settings, SessionSink& sink);

  void on_request(const RequestWords& words, const Datagram& datagram, Moment at);
  /// By what is left of a request that was held back until a reply gave its session away.
  void on_request(const RequestWords& words, std::uint32_t payload_size, Moment at);
  /// False: none of the requests is known by these words.
  [[nodiscard]] bool on_reply(const ReplyWords& words, bool key_suffices, const Datagram& datagram,
                              Moment at);
  /// The same request at the far point: when the near one saw it. nullopt: it has not.
  [[nodiscard]] std::optional<std::int64_t> on_far_request(const RequestWords& words, Moment at);
  /// False: the near point has not seen the request, one of netobs' own included.
  [[nodiscard]] bool on_far_reply(const ReplyWords& words, bool key_suffices, Moment at);
  void count_orphan_reply() { ++counters_.orphan_replies; }
  void count_hidden_reply() { ++counters_.hidden_replies; }
  /// The capture's clock was set; good: when it was last known not to have been.
  void on_clock_step(MonotonicTime good, MonotonicTime now, std::int64_t size_ns);
  /// The end of the capture.
  void finish(MonotonicTime now);

  [[nodiscard]] const SessionIdentity& identity() const { return identity_; }
  [[nodiscard]] const SessionCounters& counters() const { return counters_; }
  [[nodiscard]] const ReflectorInfo& reflector() const { return replies_.info(); }
  [[nodiscard]] std::uint64_t bad_reports() const { return replies_.bad_reports(); }
  [[nodiscard]] Match match() const { return settings_.match; }
  /// Null for a session without a request that counts, or without room: see SessionSink::admits.
  [[nodiscard]] const stats::RunStatistics* statistics() const {
    return statistics_ ? &*statistics_ : nullptr;
  }
  [[nodiscard]] const CorrelatorCounters* correlator_counters() const {
    return correlator_ ? &correlator_->counters() : nullptr;
  }
  /// Requests that may be under way, as of now.
  [[nodiscard]] std::size_t window() const;
  [[nodiscard]] const stats::RunStatisticsConfig& plan() const { return plan_; }
  [[nodiscard]] std::int64_t first_ns() const { return first_ns_; }  ///< of a request that counts
  [[nodiscard]] std::int64_t last_ns() const { return last_ns_; }
  [[nodiscard]] std::uint32_t payload_size() const { return payload_size_; }  ///< of the first one

 private:
  struct Unmeasured {
    std::uint64_t key = 0;
    std::uint64_t token = 0;
    std::uint64_t index = 0;
    bool after_measured = false;
    bool used = false;
  };

  void take(const Observation& observation) override;
  void record(const Observation& observation);
  [[nodiscard]] std::optional<std::uint64_t> counted_probe(
      std::uint32_t wire_sequence) const override;
  void take_unmeasured(const RequestWords& words);
  /// Null: it was not seen before.
  [[nodiscard]] const ProbeNumbers::Probe* find_seen(const RequestWords& words, Moment at) const;
  [[nodiscard]] std::uint64_t number_of(const RequestWords& words);
  [[nodiscard]] std::uint64_t number_by_key(const RequestWords& words);
  [[nodiscard]] const ProbeNumbers::Probe* find(std::uint64_t key,
                                                const std::optional<std::uint64_t>& token,
                                                bool key_suffices, Moment at) const;
  void answer(std::uint64_t ordinal, const Datagram& datagram, Moment at);
  /// Null: it answers none of netobs' own requests.
  [[nodiscard]] const Unmeasured* find_unmeasured(const ReplyWords& words) const;
  [[nodiscard]] bool answer_unmeasured(const ReplyWords& words, const Datagram& datagram,
                                       Moment at);
  [[nodiscard]] std::optional<wire::ReflectorPacket> read_reply(const Datagram& datagram);
  void push_timestamp(std::uint64_t ordinal, Host host, Point point, std::int64_t ns);
  void note_reflector_point(const Observation& observation);
  void start();
  void make_plan();
  [[nodiscard]] CorrelatorConfig correlator_config() const;
  void widen();
  void close(MonotonicTime now);
  void keep(std::span<const ProbeRecord> records);
  void hand_out_intervals(bool flush);

  SessionIdentity identity_;
  SessionSettings settings_;
  SessionSink* sink_;
  SessionCounters counters_;
  ReplyReader replies_;
  ProbeNumbers numbers_;
  std::array<Unmeasured, 256> unmeasured_{};
  std::uint64_t drained_ = 0;  // requests of netobs' own since the last one that counts
  bool numbered_ = false;
  std::uint64_t highest_number_ = 0;  // within the epoch
  std::uint64_t epoch_base_ = 0;
  std::uint64_t highest_given_ = 0;
  bool by_order_ = false;  // the numbers are no row
  enum class State : std::uint8_t { looking, running, refused };
  State state_ = State::looking;
  std::vector<Observation> backlog_;
  PointSet reflector_seen_;
  stats::RunStatisticsConfig plan_;
  std::optional<Correlator> correlator_;
  std::optional<stats::RunStatistics> statistics_;
  std::vector<ProbeRecord> handed_out_;
  MonotonicTime close_at_;
  unsigned since_close_ = 0;
  std::int64_t interval_until_ns_ = 0;
  std::int64_t first_ns_ = 0;
  std::int64_t last_ns_ = 0;
  MonotonicTime last_now_;  // at last_ns_
  std::uint32_t payload_size_ = 0;
};

}  // namespace netobs::capture
