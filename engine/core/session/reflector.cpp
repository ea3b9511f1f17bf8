#include "core/session/reflector.hpp"

#include <algorithm>

#include "core/base/bytes.hpp"
#include "core/wire/time_format.hpp"

namespace netobs {
namespace {

constexpr std::array<std::string_view, drop_count> drop_names{
    "truncated",   "too_short",    "bad_error_estimate", "hmac_mismatch", "own_port", "bad_source",
    "not_allowed", "rate_limited", "sources_full",       "sessions_full", "replayed", "too_old",
    "no_room"};

constexpr std::size_t expiries_per_datagram = 2;
constexpr std::uint8_t unknown_ttl = 255;

Drop drop_of(wire::Reject reject) {
  switch (reject) {
    case wire::Reject::too_short:
      return Drop::too_short;
    case wire::Reject::bad_error_estimate:
      return Drop::bad_error_estimate;
    case wire::Reject::hmac_mismatch:
      break;
  }
  return Drop::hmac_mismatch;
}

// A STAMP sender's base ends in zeros. Anything else there is the padding of a TWAMP-Light sender,
// and so are the octets where the SSID would be: random ones must not open a session per packet.
bool has_padding_for_ssid(wire::Mode mode, std::span<const std::byte> request) {
  if (mode == wire::Mode::authenticated) return false;
  const auto& at = wire::layout(mode);
  if (request.size() < at.base_size) return true;
  const auto zeros = request.subspan(at.receive_timestamp, at.base_size - at.receive_timestamp);
  return std::ranges::any_of(zeros, [](std::byte octet) { return octet != std::byte{0}; });
}

}  // namespace

std::string_view name(Drop drop) {
  return drop_names[static_cast<std::size_t>(drop)];
}

Result<std::unique_ptr<Reflector>> Reflector::make(ReflectorConfig config) {
  std::optional<wire::Hmac> hmac;
  if (config.auth_key) {
    NETOBS_TRY(made, wire::Hmac::make(*config.auth_key));
    hmac = std::move(made);
  }
  return std::unique_ptr<Reflector>(new Reflector(std::move(config), std::move(hmac)));
}

Reflector::Reflector(ReflectorConfig config, std::optional<wire::Hmac> hmac)
    : config_(std::move(config)),
      mode_(hmac ? wire::Mode::authenticated : wire::Mode::unauthenticated),
      hmac_(std::move(hmac)),
      tlv_answers_(config_),
      rate_(config_.rate, config_.hash_seed),
      sessions_(std::max<std::uint32_t>(1, config_.max_sessions), config_.hash_seed),
      sends_(config_.recent_sends, config_.unique_timestamp_ids),
      pending_(config_.pending_hook_events),
      stamp_budget_(config_.stamp_sampling) {
  // The application's own timestamps need nothing to be switched on.
  config_.available.add(Point::app_rx);
  config_.available.add(Point::app_tx);
}

std::expected<Reply, Drop> Reflector::on_datagram(const RxDatagram& datagram, MonotonicTime now,
                                                  std::span<std::byte> out) {
  ++counters_.received;
  last_app_rx_ns_ = datagram.app_rx_ns;
  expire_some(now, expiries_per_datagram);
  auto reply = answer(datagram, now, out);
  if (reply) {
    ++counters_.answered;
  } else {
    ++counters_.dropped[static_cast<std::size_t>(reply.error())];
  }
  return reply;
}

std::optional<Drop> Reflector::refuse_source(const RxDatagram& datagram) const {
  if (datagram.truncated) return Drop::truncated;
  if (datagram.peer.port == 0 || datagram.peer.is_unspecified()) return Drop::bad_source;
  if (datagram.peer.port == config_.own_port && !config_.answer_own_port) return Drop::own_port;
  if (!admitted(config_.allow, datagram.peer)) return Drop::not_allowed;
  return std::nullopt;
}

std::optional<Drop> Reflector::over_rate(const Endpoint& peer, MonotonicTime now) {
  switch (rate_.take(peer, now)) {
    case RateVerdict::passed:
      return std::nullopt;
    case RateVerdict::exceeded:
      return Drop::rate_limited;
    case RateVerdict::table_full:
      break;
  }
  return Drop::sources_full;
}

std::expected<Reply, Drop> Reflector::answer(const RxDatagram& datagram, MonotonicTime now,
                                             std::span<std::byte> out) {
  const auto request = datagram.payload;
  if (const auto refused = refuse_source(datagram)) return std::unexpected(*refused);
  // The HMAC comes before the rate limit: a stranger who forges a peer's address must not use up
  // that peer's tokens.
  const auto packet = wire::decode_sender(mode_, request, hmac_ ? &*hmac_ : nullptr);
  if (!packet) return std::unexpected(drop_of(packet.error()));
  const std::size_t size = std::max(request.size(), wire::layout(mode_).base_size);
  if (out.size() < size) return std::unexpected(Drop::no_room);
  if (const auto limited = over_rate(datagram.peer, now)) return std::unexpected(*limited);
  const SessionKey key{datagram.peer,
                       has_padding_for_ssid(mode_, request) ? std::uint16_t{0} : packet->ssid};
  const auto handle = find_session(key, packet->sequence, now);
  if (!handle) return std::unexpected(handle.error());

  Session& session = *sessions_.get(*handle);
  ++session.received;
  const std::uint64_t number = session.next_number;
  const std::uint32_t sequence = config_.stateful
                                     ? config_.first_sequence + static_cast<std::uint32_t>(number)
                                     : packet->sequence;
  wire::encode_reflector(mode_, reply_base(*packet, sequence, datagram), out);
  const auto reply = out.first(size);
  answer_tlvs(request, reply, session, now);
  ++session.next_number;
  const std::uint64_t send_number = sends_.add(*handle, number, sequence);
  const std::uint32_t id = sends_.id_of(send_number, sequence);
  // A session that asks for no timestamps must not take the NIC's few places from one that does.
  const bool hardware_stamp =
      config_.stamp_hardware && session.entries && stamp_budget_.take(id, now);
  if (session.entries) {
    session.entries->add(sequence, packet->sequence, {now, round_},
                         config_.stamp_hardware && !hardware_stamp);
    record_receive(session, number, key, packet->sequence, datagram);
  }
  return Reply{.size = size,
               .peer = datagram.peer,
               .local = datagram.local,
               .timestamp_id = id,
               .hardware_stamp = hardware_stamp,
               .sequence = sequence,
               .key = {*handle, number, send_number}};
}

wire::ReflectorPacket Reflector::reply_base(const wire::SenderPacket& packet,
                                            std::uint32_t sequence,
                                            const RxDatagram& datagram) const {
  return {.sequence = sequence,
          .t3 = 0,  // stamp_t3(), as late as possible
          .error_estimate = config_.error_estimate,
          .ssid = packet.ssid,
          .t2 = wire::ntp_from_unix_ns(
              datagram.xdp_rx_ns.value_or(datagram.rx_software_ns.value_or(datagram.app_rx_ns))),
          .sender_sequence = packet.sequence,
          .sender_t1 = packet.t1,
          .sender_error_estimate = packet.error_estimate.encode(),
          .sender_ttl = datagram.ttl == 0 ? unknown_ttl : datagram.ttl,
          .degraded = false};
}

std::expected<TableHandle, Drop> Reflector::find_session(const SessionKey& key,
                                                         std::uint32_t sequence,
                                                         MonotonicTime now) {
  auto handle = sessions_.find(key);
  if (!handle) handle = open_session(key, now);
  if (!handle) return std::unexpected(Drop::sessions_full);
  if (mode_ == wire::Mode::authenticated) {
    switch (sessions_.get(*handle)->replay.accept(sequence)) {
      case ReplayWindow::Verdict::fresh:
        break;
      case ReplayWindow::Verdict::replayed:
        return std::unexpected(Drop::replayed);
      case ReplayWindow::Verdict::too_old:
        return std::unexpected(Drop::too_old);
    }
  }
  sessions_.touch(*handle, now);
  return *handle;
}

std::optional<TableHandle> Reflector::open_session(const SessionKey& key, MonotonicTime now) {
  std::size_t of_this_source = 0;
  std::optional<TableHandle> oldest;
  sessions_.for_each([&](const SessionKey& other, const Session&) {
    if (other.peer.address != key.peer.address) return;
    ++of_this_source;
    const auto handle = sessions_.find(other);
    if (!oldest || sessions_.last_used(*handle) < sessions_.last_used(*oldest)) oldest = handle;
  });
  if (of_this_source >= config_.max_sessions_per_source) {
    // One run after the other is no attack: the source's own idle session makes room.
    if (!oldest || now - sessions_.last_used(*oldest) < config_.session_yield) return std::nullopt;
    sessions_.erase(*oldest);
    ++counters_.sessions_expired;
  }
  const auto handle = sessions_.insert(key, now);
  if (handle) ++counters_.sessions_opened;
  return handle;
}

void Reflector::on_clock_step() {
  ++config_.clock_steps;
  hook_losses_.forget();
  sessions_.for_each([this](const SessionKey&, const Session& session) {
    if (session.entries) session.entries->mark_clock_step(round_);
  });
}

void Reflector::expire(MonotonicTime now) {
  expire_some(now, sessions_.capacity());
}

void Reflector::expire_some(MonotonicTime now, std::size_t at_most) {
  for (; at_most > 0; --at_most) {
    const auto oldest = sessions_.least_recently_used();
    if (!oldest || now - sessions_.last_used(*oldest) < config_.session_expiry) return;
    sessions_.erase(*oldest);
    ++counters_.sessions_expired;
  }
}

void Reflector::answer_tlvs(std::span<const std::byte> request, std::span<std::byte> reply,
                            Session& session, MonotonicTime now) {
  const auto asked = wire::tlv_area(mode_, request);
  const auto area = wire::tlv_area(mode_, reply);
  std::ranges::copy(asked, area.begin());
  bool integrity_failed = false;
  if (hmac_) {
    const auto integrity = wire::check_tlv_hmac(request.first(4), asked, *hmac_);
    // Extra Padding alone, or none at all, needs no HMAC TLV.
    wire::TlvWalk walk(asked);
    bool needs_hmac = false;
    while (const auto tlv = walk.next()) needs_hmac |= tlv->type != wire::TlvType::extra_padding;
    integrity_failed = needs_hmac && integrity != wire::TlvIntegrity::verified;
  }
  const TlvOutcome outcome =
      tlv_answers_.answer(area, session, integrity_failed, {now, round_, hook_losses_});
  requested_ = requested_ | session.requested;
  counters_.tlvs_unrecognised += outcome.unrecognised;
  counters_.tlvs_malformed += outcome.malformed ? 1U : 0U;
  counters_.tlvs_integrity_failed += integrity_failed ? 1U : 0U;
  if (hmac_ && !integrity_failed) wire::refresh_tlv_hmac(reply.first(4), area, *hmac_);
}

void Reflector::stamp_t3(const ReplyKey& key, std::span<std::byte> reply,
                         std::int64_t realtime_ns) {
  wire::patch_timestamp(mode_, reply, wire::ntp_from_unix_ns(realtime_ns));
  if (hmac_) wire::seal(reply, *hmac_);
  sends_.stamp(key.send_number, realtime_ns);
  Session* session = sessions_.get(key.session);
  if (session != nullptr && session->entries) {
    (void)session->entries->set(key.reply_number, Point::app_tx, realtime_ns);
  }
}

}  // namespace netobs
