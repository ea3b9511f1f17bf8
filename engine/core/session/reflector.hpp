#pragma once
// The STAMP session-reflector (RFC 8762 4.3) as a step machine: datagrams and timestamps go in,
// replies come out. No socket, no clock; one thread.
//
// A hot loop, per datagram:
//   auto reply = reflector.on_datagram(datagram, now, slot.buffer);
//   if (!reply) continue;                                     // dropped, counted
//   slot.size = reply->size; slot.peer = reply->peer; slot.local = reply->local;
//   slot.timestamp_id = reply->timestamp_id;
//   reflector.stamp_t3(reply->key, slot.buffer.first(slot.size), realtime_now);   // as late as
//   possible

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <utility>

#include "core/base/endpoint.hpp"
#include "core/base/result.hpp"
#include "core/base/time.hpp"
#include "core/clock/nic_clock.hpp"
#include "core/correlate/hardware_window.hpp"
#include "core/session/hook_source.hpp"
#include "core/session/reflector_config.hpp"
#include "core/session/reflector_sends.hpp"
#include "core/session/reflector_session.hpp"
#include "core/session/reflector_tlv.hpp"
#include "core/session/transport.hpp"
#include "core/wire/hmac.hpp"

namespace netobs {

/// Names a reply until its timestamps are in. Harmless when the session has gone.
struct ReplyKey {
  TableHandle session;
  std::uint64_t reply_number = 0;
  std::uint64_t send_number = 0;
};

struct Reply {
  std::size_t size = 0;            ///< octets written
  Endpoint peer;                   ///< where to send it
  Endpoint local;                  ///< from where: the address that was probed
  std::uint32_t timestamp_id = 0;  ///< for TxSlot::timestamp_id
  bool hardware_stamp = false;     ///< for TxSlot::hardware_stamp
  std::uint32_t sequence = 0;      ///< octets 0 to 3
  ReplyKey key;
};

struct ReflectorCounters {
  std::uint64_t received = 0;
  std::uint64_t answered = 0;
  std::array<std::uint64_t, drop_count> dropped{};  ///< by Drop
  std::uint64_t sessions_opened = 0;
  std::uint64_t sessions_expired = 0;
  std::uint64_t tlvs_unrecognised = 0;
  std::uint64_t tlvs_malformed = 0;         ///< requests with a malformed TLV
  std::uint64_t tlvs_integrity_failed = 0;  ///< requests whose HMAC TLV was wrong or missing
  std::uint64_t tx_timestamps_unmatched = 0;
  std::uint64_t hook_events_unmatched = 0;
  std::uint64_t send_failures = 0;
  std::uint64_t impossible_hardware = 0;  ///< hardware timestamps that cannot be of their packet
  std::uint64_t skipped_by_nic = 0;       ///< transmissions that the driver says it did not stamp;
                                          ///< filled in by who holds the NIC

  [[nodiscard]] std::uint64_t of(Drop drop) const {
    return dropped[static_cast<std::size_t>(drop)];
  }
};

class Reflector {
 public:
  /// Fails on an unusable key. Takes all bounded memory but the entries of sessions, which are
  /// taken when a session first asks for them.
  [[nodiscard]] static Result<std::unique_ptr<Reflector>> make(ReflectorConfig config);

  ~Reflector() = default;
  Reflector(const Reflector&) = delete;
  Reflector& operator=(const Reflector&) = delete;

  /// Writes the reply to `out`, complete but for T3. The reply is as large as the request, or 44
  /// octets for a request of 14 to 43; `out` must not overlap the request.
  [[nodiscard]] std::expected<Reply, Drop> on_datagram(const RxDatagram& datagram,
                                                       MonotonicTime now, std::span<std::byte> out);

  /// Patches T3, and in authenticated mode the HMAC, just before the reply is sent. realtime_ns:
  /// CLOCK_REALTIME, the reply's app_tx. reply: exactly the octets that on_datagram() wrote.
  void stamp_t3(const ReplyKey& key, std::span<std::byte> reply, std::int64_t realtime_ns);

  /// A timestamp from the transport, by the id given with the reply.
  void on_tx_timestamp(std::uint32_t timestamp_id, Point point, std::int64_t ns);
  void on_send_failure(const SendFailure& failure);
  /// A look at the clocks of the NIC and the host. A few per second.
  void on_nic_clock(const CrossTimestamp& look) { (void)nic_clock_.feed(look); }
  /// A timestamp from a hook, by what stands in the packet; may come before its datagram.
  void on_hook_event(const HookEvent& event);

  /// Hook events have been lost before they came to this object, in this span of CLOCK_REALTIME:
  /// what replies to packets that arrived in it lack may be among them.
  void on_hook_events_lost(std::int64_t from_ns, std::int64_t until_ns) {
    hook_losses_.add(from_ns, until_ns);
  }
  /// Every event that hooks and transport had so far has been given to this object: what the
  /// replies up to now still lack on receive will not come. Call it once per turn of the hot loop.
  void events_drained() { ++round_; }

  /// Ends sessions that have been idle too long; also done, a few at a time, by on_datagram().
  void expire(MonotonicTime now);
  /// The points that requests have asked for since the last call.
  [[nodiscard]] PointSet take_requested() { return std::exchange(requested_, PointSet{}); }
  /// Points that are recorded from now on, or no longer.
  void set_available(PointSet points) { config_.available = points; }
  /// For a clock whose synchronisation has changed.
  void set_error_estimate(const wire::ErrorEstimate& estimate) {
    config_.error_estimate = estimate;
  }
  /// CLOCK_REALTIME has been set since the last turn: to be called before the next datagram is
  /// answered and before events_drained(). Marks what was answered in this turn, and what has not
  /// got all of its timestamps.
  void on_clock_step();

  [[nodiscard]] const ReflectorCounters& counters() const { return counters_; }
  [[nodiscard]] std::size_t sessions() const { return sessions_.size(); }

 private:
  struct PendingEvent {
    HookEvent event;
    bool taken = false;
  };

  Reflector(ReflectorConfig config, std::optional<wire::Hmac> hmac);

  [[nodiscard]] std::expected<Reply, Drop> answer(const RxDatagram& datagram, MonotonicTime now,
                                                  std::span<std::byte> out);
  [[nodiscard]] wire::ReflectorPacket reply_base(const wire::SenderPacket& packet,
                                                 std::uint32_t sequence,
                                                 const RxDatagram& datagram) const;
  [[nodiscard]] std::optional<Drop> refuse_source(const RxDatagram& datagram) const;
  [[nodiscard]] std::optional<Drop> over_rate(const Endpoint& peer, MonotonicTime now);
  [[nodiscard]] std::expected<TableHandle, Drop> find_session(const SessionKey& key,
                                                              std::uint32_t sequence,
                                                              MonotonicTime now);
  [[nodiscard]] std::optional<TableHandle> open_session(const SessionKey& key, MonotonicTime now);
  void expire_some(MonotonicTime now, std::size_t at_most);
  void answer_tlvs(std::span<const std::byte> request, std::span<std::byte> reply, Session& session,
                   MonotonicTime now);
  void record_receive(Session& session, std::uint64_t number, const SessionKey& key,
                      std::uint32_t sender_sequence, const RxDatagram& datagram);
  void file_hardware(EntryRing& entries, std::uint64_t number, Point point, std::int64_t nic_ns,
                     bool repeated = false);
  [[nodiscard]] bool file_receive_event(const HookEvent& event);
  [[nodiscard]] bool file_transmit_event(const HookEvent& event);
  void keep_pending(const HookEvent& event);
  void on_pending_lost(const HookEvent& event);
  [[nodiscard]] std::uint32_t pending_key(const SessionKey& key,
                                          std::uint32_t sender_sequence) const;
  void take_pending(const SessionKey& key, std::uint32_t sender_sequence, EntryRing& entries,
                    std::uint64_t number, std::int64_t app_rx_ns);

  ReflectorConfig config_;
  wire::Mode mode_;
  std::optional<wire::Hmac> hmac_;
  TlvAnswers tlv_answers_;
  RateLimiter rate_;
  SessionTable sessions_;
  RecentSends sends_;
  RecentRing<PendingEvent> pending_;
  std::uint64_t round_ = 0;
  LossSpan hook_losses_;
  std::int64_t last_app_rx_ns_ = 0;
  PointSet requested_;
  StampBudget stamp_budget_;
  NicClock nic_clock_;
  std::optional<HardwareSighting> last_received_;
  ReflectorCounters counters_;
};

}  // namespace netobs
