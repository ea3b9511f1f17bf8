#pragma once
// The STAMP session-sender without its sockets and clocks (RFC 8762 section 4.2): it is asked what
// to do next, told what happened, and pushes what it learned into the observation queue.

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "core/base/time.hpp"
#include "core/correlate/observation.hpp"
#include "core/session/hook_source.hpp"
#include "core/session/reply_reader.hpp"
#include "core/session/schedule.hpp"
#include "core/session/stamp_budget.hpp"
#include "core/session/transport.hpp"
#include "core/wire/netobs_tlv.hpp"
#include "core/wire/packet.hpp"

namespace netobs {

struct SenderConfig {
  ScheduleConfig schedule;
  std::uint64_t count = 0;  ///< probes to send; 0 = no limit
  Duration duration{};      ///< intended times end here; 0 = no limit
  Duration timeout = std::chrono::seconds(1);
  std::uint64_t first_sequence = 0;  ///< number of the first probe on the wire
  std::uint16_t ssid = 1;            ///< RFC 8972 section 3, not 0
  std::uint32_t size_bytes = 44;     ///< UDP payload of every probe
  wire::ErrorEstimate error_estimate;
  std::optional<std::vector<std::byte>> auth_key;  ///< present = authenticated mode
  bool multi_layer = true;    ///< ask for the reflector's timestamps in the Net Obs TLV
  PointSet reflector_points;  ///< which of them are wanted
  bool measured = true;       ///< false: its packets say that they are of no measurement
  Endpoint remote;
  bool stamp_hardware = false;     ///< tx_hardware is on
  StampSampling stamp_sampling{};  ///< for which probes, then
  /// What the reflector's own numbers begin with, where it is a Net Obs reflector (disguise.hpp).
  std::uint32_t reflector_first_sequence = 0;
  unsigned max_drain_probes = 64;  ///< uncounted probes at the end that fetch the last reports
  Duration drain_interval = std::chrono::milliseconds(2);
};

/// Smallest UDP payload, in bytes, whose reply has room for so many reports of these points.
[[nodiscard]] std::uint32_t probe_size_for(wire::Mode mode, PointSet reflector_points,
                                           unsigned reports);

/// What arrived but is no probe's reply, and what was not sent. Cumulative.
struct SenderCounters {
  std::uint64_t sent = 0;
  std::uint64_t replies = 0;        ///< accepted, duplicates included, drain replies not
  std::uint64_t skipped = 0;        ///< intended times given up because the sender was late
  std::uint64_t send_failures = 0;  ///< refused by the kernel
  std::uint64_t undeliverable = 0;  ///< left, but an ICMP error came back
  std::uint64_t malformed = 0;      ///< too short or bad error estimate
  std::uint64_t bad_hmac = 0;
  std::uint64_t foreign = 0;           ///< another session's SSID
  std::uint64_t unknown_sequence = 0;  ///< of probes never sent
  std::uint64_t truncated = 0;
  std::uint64_t bad_reports = 0;  ///< Net Obs TLVs that do not parse
  int last_send_errno = 0;
};

/// One session. Single thread (the hot thread). Never allocates after make().
class Sender final : private ReplyListener {
 public:
  [[nodiscard]] static Result<Sender> make(SenderConfig config, ObservationQueue& observations);

  enum class Step : std::uint8_t { send, wait, done };
  struct Action {
    Step step = Step::done;
    MonotonicTime until;  ///< wait: nothing is due before, unless something arrives
  };

  /// The schedule starts here.
  void start(MonotonicTime now);
  [[nodiscard]] Action next(MonotonicTime now);
  /// Ends the sending part early; what is under way is still awaited.
  void stop(MonotonicTime now);

  /// Writes the probe that is due into slot.buffer, all but its timestamp, and sets size and id.
  void prepare_probe(TxSlot& slot, MonotonicTime now);
  /// Completes the probe just prepared. t1: read right before the call, since everything between it
  /// and the send call is measured as the application's.
  void stamp_probe(TxSlot& slot, RealTime t1);
  /// Right after the submit of the probes just written.
  void submitted();

  void on_datagram(const RxDatagram& datagram, MonotonicTime now);
  void on_tx_timestamp(const TxTimestamp& timestamp);
  void on_send_failure(const SendFailure& failure);
  void on_hook_event(const HookEvent& event);
  /// How many records the correlator has closed: all of them ends the drain early.
  void set_closed_records(std::uint64_t count) { closed_records_ = count; }

  [[nodiscard]] const SenderCounters& counters() const { return counters_; }
  [[nodiscard]] const ReflectorInfo& reflector() const { return replies_.info(); }
  [[nodiscard]] bool sending() const { return phase_ == Phase::sending; }
  [[nodiscard]] const SenderConfig& config() const { return config_; }

 private:
  enum class Phase : std::uint8_t { sending, draining, done };

  Sender(SenderConfig config, ObservationQueue& observations);
  void build_template();
  [[nodiscard]] Action next_ping_pong(MonotonicTime now);
  [[nodiscard]] Action next_scheduled(MonotonicTime now);
  [[nodiscard]] Action next_drain(MonotonicTime now);
  [[nodiscard]] bool limit_reached(MonotonicTime intended) const;
  void begin_drain(MonotonicTime now);
  void skip_overdue(MonotonicTime now);
  void push_timestamp(std::uint64_t probe, std::size_t slot_index, std::int64_t ns);
  [[nodiscard]] std::optional<std::uint64_t> counted_probe(
      std::uint32_t wire_sequence) const override;
  void take(const Observation& observation) override { observations_->push(observation); }
  [[nodiscard]] MonotonicTime settled_at() const;
  [[nodiscard]] bool awaits_late_reports(MonotonicTime now) const;
  /// Index of the probe from 0, from 32 bits on the wire; nullopt when never sent.
  [[nodiscard]] std::optional<std::uint64_t> probe_of(std::uint32_t wire_sequence) const;

  SenderConfig config_;
  ObservationQueue* observations_;
  wire::Mode mode_;
  std::optional<wire::Hmac> hmac_;
  std::vector<std::byte> template_;
  std::optional<std::size_t> netobs_at_;  // offset of the TLV's value in it
  std::optional<Schedule> schedule_;
  Phase phase_ = Phase::sending;
  MonotonicTime start_;
  MonotonicTime last_sent_;               // drain probes included
  MonotonicTime last_measured_;           // drain probes not
  std::uint64_t next_probe_ = 0;          // counts drain probes too
  std::optional<std::uint64_t> awaited_;  // ping-pong: the probe under way
  bool catching_up_ = false;
  std::uint64_t closed_records_ = 0;
  unsigned drain_sent_ = 0;
  unsigned drain_replies_ = 0;
  MonotonicTime drain_next_;
  StampBudget stamp_budget_;
  std::uint64_t stamps_awaited_ = 0;
  std::vector<Observation> pending_;  // "sent", held back until the submit is done
  SenderCounters counters_;
  ReplyReader replies_;
};

}  // namespace netobs
