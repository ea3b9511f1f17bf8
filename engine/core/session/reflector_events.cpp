// The part of the reflector that files timestamps: which reply does this one belong to?

#include <utility>

#include "core/base/saturating.hpp"
#include "core/base/serial.hpp"
#include "core/session/reflector.hpp"

namespace netobs {
namespace {

// Receive points come before app_rx; the slack is for hook clocks converted to CLOCK_REALTIME, the
// window keeps an event of a long-gone packet with the same sequence away.
constexpr std::int64_t receive_slack_ns = 1'000'000;
constexpr std::int64_t receive_window_ns = 1'000'000'000;

/// How far the NIC's clock may have drifted from the last look at it, and be read wrong.
constexpr std::int64_t id_slack_ns = 100'000;

bool fits_receive(std::int64_t event_ns, std::int64_t app_rx_ns) {
  return event_ns <= app_rx_ns + receive_slack_ns && event_ns >= app_rx_ns - receive_window_ns;
}

SessionKey key_of(const HookEvent& event) {
  return {event.peer, event.ssid};
}

}  // namespace

void Reflector::record_receive(Session& session, std::uint64_t number, const SessionKey& key,
                               std::uint32_t sender_sequence, const RxDatagram& datagram) {
  EntryRing& entries = *session.entries;
  (void)entries.set(number, Point::app_rx, datagram.app_rx_ns);
  if (datagram.xdp_rx_ns) (void)entries.set(number, Point::xdp_rx, *datagram.xdp_rx_ns);
  if (datagram.rx_software_ns)
    (void)entries.set(number, Point::rx_software, *datagram.rx_software_ns);
  if (datagram.rx_hardware_ns) {
    const std::int64_t nic_ns = *datagram.rx_hardware_ns;
    bool repeated = false;
    if (const auto beside = datagram.xdp_rx_ns ? datagram.xdp_rx_ns : datagram.rx_software_ns) {
      const HardwareSighting seen{nic_ns, *beside};
      repeated = is_repeated(std::exchange(last_received_, seen), seen);
    }
    file_hardware(entries, number, Point::rx_hardware, nic_ns, repeated);
  }
  take_pending(key, sender_sequence, entries, number, datagram.app_rx_ns);
}

void Reflector::file_hardware(EntryRing& entries, std::uint64_t number, Point point,
                              std::int64_t nic_ns, bool repeated) {
  const NicClock* clock = config_.nic_converted ? &nic_clock_ : nullptr;
  if (repeated || !entries.set_hardware(number, point, nic_ns, clock)) {
    entries.mark_hardware_impossible(number);
    ++counters_.impossible_hardware;
  }
}

void Reflector::take_pending(const SessionKey& key, std::uint32_t sender_sequence,
                             EntryRing& entries, std::uint64_t number, std::int64_t app_rx_ns) {
  pending_.take(pending_key(key, sender_sequence), [&](PendingEvent& pending) {
    const HookEvent& event = pending.event;
    if (event.sequence != sender_sequence || key_of(event) != key) return false;
    if (!fits_receive(event.ns, app_rx_ns)) return false;
    // Its slot may be taken by an event of a copy of this request: then it waits for that copy.
    pending.taken = entries.set(number, event.point, event.ns);
    return pending.taken;
  });
}

void Reflector::on_tx_timestamp(std::uint32_t timestamp_id, Point point, std::int64_t ns) {
  if (point == Point::tx_hardware) stamp_budget_.came(timestamp_id);
  std::optional<std::int64_t> realtime_ns = ns;
  if (point == Point::tx_hardware) {
    const auto clock = nic_clock_.state();
    realtime_ns =
        clock ? std::optional(saturating_sum(ns, clock->offset.ns + id_slack_ns)) : std::nullopt;
  }
  const RecentSends::Send* send = sends_.attribute(timestamp_id, point, realtime_ns);
  if (send == nullptr) {
    ++counters_.tx_timestamps_unmatched;
    return;
  }
  Session* session = sessions_.get(send->session);
  if (session == nullptr || !session->entries) return;
  if (point == Point::tx_hardware) {
    file_hardware(*session->entries, send->reply_number, point, ns);
  } else {
    (void)session->entries->set(send->reply_number, point, ns);
  }
}

void Reflector::on_send_failure(const SendFailure& failure) {
  ++counters_.send_failures;
  // An ICMP error names a reply by its first octets, and its timestamps were taken all the same.
  if (!failure.id || failure.undeliverable) return;
  sends_.fail(*failure.id);
  stamp_budget_.failed(*failure.id);
}

void Reflector::on_hook_event(const HookEvent& event) {
  if (info(event.point).direction == Direction::rx) {
    if (!file_receive_event(event)) keep_pending(event);
  } else if (!file_transmit_event(event)) {
    ++counters_.hook_events_unmatched;
  }
}

bool Reflector::file_receive_event(const HookEvent& event) {
  const auto handle = sessions_.find(key_of(event));
  if (!handle) return false;
  Session& session = *sessions_.get(*handle);
  if (!session.entries) return false;
  return session.entries->set_first(
      event.sequence, event.point, event.ns, [&](const ReplyEntry& entry) {
        return fits_receive(event.ns, entry.times.ns[index(Point::app_rx)]);
      });
}

bool Reflector::file_transmit_event(const HookEvent& event) {
  const auto handle = sessions_.find(key_of(event));
  if (!handle) return false;
  Session& session = *sessions_.get(*handle);
  if (!session.entries) return false;
  if (!config_.stateful) {
    return session.entries->set_first(event.sequence, event.point, event.ns,
                                      [](const ReplyEntry&) { return true; });
  }
  if (session.next_number == 0) return false;
  const std::uint64_t number =
      unwrap_serial(event.sequence - config_.first_sequence, session.next_number - 1);
  return session.entries->set(number, event.point, event.ns);
}

void Reflector::keep_pending(const HookEvent& event) {
  const auto key = pending_key(key_of(event), event.sequence);
  pending_.push(key, {event, false}, [this](const PendingEvent& old) {
    if (old.taken) return;
    ++counters_.hook_events_unmatched;
    on_pending_lost(old.event);
  });
}

/// Or it was never of a datagram that is answered.
void Reflector::on_pending_lost(const HookEvent& event) {
  // By a clock that has been set back since.
  if (event.ns > last_app_rx_ns_ + receive_slack_ns) return;
  const auto handle = sessions_.find(key_of(event));
  if (!handle) return;
  const Session& session = *sessions_.get(*handle);
  if (session.entries) session.entries->mark_hook_event_lost(event.ns);
}

/// Sessions begin at the same numbers: without its key, one would be searched among all of them.
std::uint32_t Reflector::pending_key(const SessionKey& key, std::uint32_t sender_sequence) const {
  return static_cast<std::uint32_t>(SessionKeyHash{}(config_.hash_seed, key)) + sender_sequence;
}

}  // namespace netobs
