#pragma once
// Which packets are probes of which session: by evidence, that is by replies that repeat what a
// request said, and only where that is asked for by port.

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/capture/flow_key.hpp"
#include "core/capture/probe_rules.hpp"
#include "core/capture/replay_session.hpp"

namespace netobs::capture {

struct MatcherConfig {
  SessionSettings session;
  std::vector<std::uint16_t> ports;   ///< of STAMP reflectors
  std::optional<NumberField> number;  ///< for Match::udp_echo
  std::uint64_t seed = 0;             ///< of the flow table
  std::size_t max_flows = 65'536;     ///< at once; flows that are no session make room
  std::size_t max_pending = 4096;     ///< requests of one flow that await their first reply
  std::size_t max_all_pending = 1U << 20U;
  std::size_t max_sessions = 4096;
  std::size_t max_sessions_per_flow = 64;
  std::size_t window_room = 1U << 20U;  ///< see WindowRoom
};

/// What became of datagrams beside the sessions. Cumulative.
struct MatcherCounters {
  std::uint64_t candidates_dropped = 0;  ///< could have been requests; no reply showed it
  std::uint64_t flows_dropped = 0;       ///< made room for others
  std::uint64_t over_limit = 0;          ///< requests of sessions beyond the limits
  std::uint64_t far_unknown = 0;         ///< packets of the far point that the near one has not
};

/// Single thread. Memory is bounded by the configuration.
class Matcher {
 public:
  Matcher(MatcherConfig config, SessionSink& sink);

  /// False: the datagram is none of a session, as far as is known now.
  bool on_datagram(const Datagram& datagram, Moment at, Vantage vantage);
  void on_clock_step(MonotonicTime good, MonotonicTime now, std::int64_t size_ns);
  /// The end of the capture: what waits is settled, sessions are finished.
  void finish(MonotonicTime now);

  [[nodiscard]] const std::vector<std::unique_ptr<ReplaySession>>& sessions() const {
    return sessions_;
  }
  [[nodiscard]] const MatcherCounters& counters() const { return counters_; }
  /// A request's time at the far point minus that at the near one, of the latest that both saw.
  [[nodiscard]] std::optional<std::int64_t> far_offset_ns() const { return far_offset_ns_; }

 private:
  /// A request that no reply has confirmed yet.
  struct Candidate {
    RequestWords words;
    Moment at;
    std::uint32_t payload_size = 0;
  };
  /// One way of a flow, as the way of requests.
  struct Side {
    std::vector<Candidate> pending;  // a ring once it is full
    std::size_t oldest = 0;
    std::vector<std::pair<std::uint16_t, ReplaySession*>> sessions;  // by SSID
    bool resolved = false;
    bool split = false;  // the reflector repeats the SSID: each is a session of its own
    [[nodiscard]] bool active() const { return resolved || !pending.empty(); }
    [[nodiscard]] const Candidate* find(const ReplyWords& words, bool key_suffices) const;
    [[nodiscard]] ReplaySession* session_of(std::uint16_t ssid) const;
    [[nodiscard]] wire::Mode mode() const;
  };
  struct Flow {
    FlowKey key;
    std::array<Endpoint, 2> ends;  // by side: who sends
    std::array<Side, 2> sides;
    unsigned first_side = 0;
    [[nodiscard]] bool resolved() const { return sides[0].resolved || sides[1].resolved; }
  };

  [[nodiscard]] Flow* find(const FlowKey& key);
  /// Null: every place is taken by a session.
  [[nodiscard]] Flow* make_flow(const OrientedFlow& oriented, const Datagram& datagram);
  [[nodiscard]] bool forget_oldest();
  [[nodiscard]] bool take_reply(Flow& flow, unsigned request_side, const Datagram& datagram,
                                Moment at);
  [[nodiscard]] bool take_request(Flow& flow, unsigned side, const Candidate& candidate);
  [[nodiscard]] bool take_far(Flow& flow, unsigned side, const Datagram& datagram, Moment at);
  void hold_back(Flow& flow, unsigned side, const Candidate& candidate);
  void drop_oldest(Flow& flow, unsigned side);
  void drop(Flow& flow, unsigned side, const Candidate& candidate);
  void resolve(Flow& flow, unsigned side, bool split);
  [[nodiscard]] ReplaySession* session_for(Flow& flow, unsigned side, const RequestWords& words);
  void settle_by_port(Flow& flow);

  MatcherConfig config_;
  std::unique_ptr<WindowRoom> room_;  // of all sessions
  SessionSink* sink_;
  std::unique_ptr<ProbeRules> rules_;
  std::unordered_map<FlowKey, std::unique_ptr<Flow>, FlowKeyHash> flows_;
  std::deque<Flow*> by_age_;  // all that no session has been found of, and some more
  Flow* last_ = nullptr;      // packets come in trains
  std::size_t all_pending_ = 0;
  std::vector<std::unique_ptr<ReplaySession>> sessions_;
  std::optional<std::int64_t> far_offset_ns_;
  MatcherCounters counters_;
};

}  // namespace netobs::capture
