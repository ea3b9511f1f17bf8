#pragma once
// Two hosts and a link in virtual time, driving the real Sender, Reflector, Correlator and
// RunStatistics the way engine/app does. What was observed and what was true are both kept.

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <vector>

#include "core/clock/step_detector.hpp"
#include "core/correlate/correlator.hpp"
#include "core/session/reflector.hpp"
#include "core/session/sender.hpp"
#include "core/sim/event_queue.hpp"
#include "core/sim/host.hpp"
#include "core/sim/link.hpp"
#include "core/sim/scenario.hpp"
#include "core/sim/truth.hpp"
#include "core/stats/run_statistics.hpp"

namespace netobs::sim {

/// Which packet. Copies are numbered from 0 in the order of their arrival.
struct PacketRef {
  std::uint64_t probe = 0;
  std::size_t request = 0;
  std::size_t reply = 0;
};

class World {
 public:
  explicit World(const Scenario& scenario);
  ~World() = default;
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  /// To the end of the run, including the sender's drain.
  void run();

  [[nodiscard]] const Scenario& scenario() const { return scenario_; }
  [[nodiscard]] const std::vector<ProbeTruth>& probes() const { return probes_; }
  [[nodiscard]] const std::vector<ProbeRecord>& records() const { return records_; }
  [[nodiscard]] const CorrelatorConfig& correlator_config() const { return correlator_config_; }
  [[nodiscard]] const Correlator& correlator() const { return *correlator_; }
  [[nodiscard]] const stats::RunStatistics& statistics() const { return *statistics_; }
  [[nodiscard]] const Sender& sender() const { return *sender_; }
  [[nodiscard]] const Reflector& reflector() const { return *reflector_; }
  [[nodiscard]] std::uint64_t observations_lost() const { return observations_.lost(); }
  [[nodiscard]] std::size_t most_open() const { return most_open_; }
  [[nodiscard]] const std::optional<ClockStep>& clock_step() const { return clock_step_; }
  [[nodiscard]] std::int64_t end_ns() const { return events_.now_ns(); }
  /// When the reflector was started again; nullopt: it ran on.
  [[nodiscard]] std::optional<std::int64_t> restarted_ns() const { return restarted_ns_; }

 private:
  static constexpr std::int64_t no_time = std::numeric_limits<std::int64_t>::max();

  /// Something that waits in a host's kernel until its hot loop takes it.
  struct Item {
    enum class Kind : std::uint8_t { datagram, tx_timestamp, hook_event, send_failure };
    std::int64_t due_ns = 0;  // readable from here on
    std::uint64_t order = 0;
    std::int64_t taken_ns = 0;  // when the packet passed
    Kind kind = Kind::datagram;
    Point point = Point::app_tx;
    PacketRef packet;
    std::int64_t value_ns = 0;
    std::uint64_t written = 0;  // of a reply: events at the reflector before it was written
    std::vector<std::byte> payload;
  };
  struct Loop {
    std::vector<Item> inbox;  // heap, earliest first
    std::int64_t wake_ns = no_time;
    std::int64_t busy_until_ns = 0;
  };

  void configure();
  void make_reflector();
  void restart_reflector();

  // The packets' way (world_packets.cpp).
  void send_request(std::uint64_t probe, std::span<const std::byte> packet, std::int64_t start_ns);
  void send_reply(PacketRef packet, std::span<const std::byte> bytes, std::int64_t start_ns);
  void request_arrives(std::uint64_t probe, const std::vector<std::byte>& bytes);
  void reply_arrives(PacketRef packet, const std::vector<std::byte>& bytes, std::uint64_t written);
  void queue_timestamps(Loop& loop, HostModel& host, PacketRef packet, Direction direction,
                        const Passage& passage);
  void queue_timestamp(Loop& loop, HostModel& host, PacketRef packet, Point point,
                       const Passage& passage);
  void put(Loop& loop, Item item);
  [[nodiscard]] Passage& passage_at(HostModel& host, PacketRef packet, Direction direction);
  [[nodiscard]] HookEvent hook_event(const HostModel& host, const Item& item) const;
  void note_reports(const Item& item);

  // The hot loops and the record thread (world_loops.cpp).
  void wake(Loop& loop, std::int64_t time_ns);
  [[nodiscard]] std::vector<Item> take_due(Loop& loop);
  void sender_turn();
  void send_due(std::int64_t& cursor);
  void sender_takes(const Item& item, std::int64_t& cursor);
  void sender_takes_reply(const Item& item, std::int64_t& cursor);
  void watch_clock();
  void reflector_turn();
  void reflector_takes(const Item& item, std::int64_t& cursor);
  void answer(const Item& item, std::int64_t& cursor);
  void record_turn();
  void drain_observations();
  void keep(std::span<const ProbeRecord> records);
  [[nodiscard]] std::uint64_t observed() const { return popped_ + observations_.size(); }

  Scenario scenario_;
  Random random_;
  EventQueue events_;
  HostModel sender_host_;
  HostModel reflector_host_;
  Link forward_;
  Link backward_;
  Loop sender_loop_;
  Loop reflector_loop_;
  SenderConfig sender_config_;
  CorrelatorConfig correlator_config_;
  ObservationQueue observations_;
  std::optional<Sender> sender_;
  std::unique_ptr<Reflector> reflector_;
  std::optional<Correlator> correlator_;
  std::optional<stats::RunStatistics> statistics_;
  StepDetector step_detector_;
  StepDetector reflector_step_detector_;
  std::int64_t clock_due_ns_ = 0;
  std::optional<ClockStep> clock_step_;
  std::vector<ProbeTruth> probes_;
  std::vector<ProbeRecord> records_;
  std::uint64_t popped_ = 0;
  std::uint64_t next_to_close_ = 0;
  std::uint64_t reflector_events_ = 0;
  std::uint64_t item_order_ = 0;
  std::optional<std::int64_t> restarted_ns_;
  std::size_t most_open_ = 0;
  bool done_ = false;
};

}  // namespace netobs::sim
