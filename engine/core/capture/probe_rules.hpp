#pragma once
// How the packets of one kind of test are told from others and from each other.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "core/capture/link_frame.hpp"
#include "core/wire/packet.hpp"

namespace netobs::capture {

/// What a packet says if it is a request.
struct RequestWords {
  std::uint64_t key = 0;    ///< its reply repeats this
  std::uint64_t token = 0;  ///< and this, unless it is short or odd: T1
  std::uint16_t ssid = 0;   ///< RFC 8972 section 3, or padding of a TWAMP-Light sender
  bool has_ssid = false;
  wire::Mode mode = wire::Mode::unauthenticated;
  wire::TimeFormat format = wire::TimeFormat::ntp;  ///< of T1
  bool by_port = false;      ///< it goes to a port of such tests: a session even without a reply
  bool certain = false;      ///< it is a request whatever comes back
  bool measured = true;      ///< false: netobs itself says that it is none of the measurement
  bool tlvs_hidden = false;  ///< the snap length cut off where its TLVs are
  /// If it is no request but a reply: the snap length cut off what tells which one it answers.
  bool answer_hidden = false;
};

/// What a packet says if it is a reply.
struct ReplyWords {
  std::uint64_t key = 0;
  std::optional<std::uint64_t> token{};
  std::uint16_t ssid = 0;
};

/// One kind of test. Stateless; any octets will do.
class ProbeRules {
 public:
  virtual ~ProbeRules() = default;
  ProbeRules() = default;
  ProbeRules(const ProbeRules&) = delete;
  ProbeRules& operator=(const ProbeRules&) = delete;

  /// nullopt: it cannot be one. capture_ns: when it was captured.
  [[nodiscard]] virtual std::optional<RequestWords> request(const Datagram& datagram,
                                                            std::int64_t capture_ns) const = 0;
  /// mode: that of the requests that go the other way.
  [[nodiscard]] virtual std::optional<ReplyWords> reply(const Datagram& datagram,
                                                        wire::Mode mode) const = 0;
  /// Whether a reply without the request's token may still be one, by its key.
  [[nodiscard]] virtual bool key_suffices(const ReplyWords& reply) const = 0;
  /// How far keys count before they wrap, bits; 0: they do not count.
  [[nodiscard]] virtual unsigned key_bits() const = 0;
  /// Several requests under way may have one key: the oldest is answered first.
  [[nodiscard]] virtual bool keys_repeat() const = 0;
};

struct NumberField {
  std::size_t offset = 0;  ///< in the payload, octets
  std::size_t octets = 4;  ///< 2, 4 or 8; big endian
};

/// STAMP and TWAMP-Light (RFC 8762, RFC 8972, RFC 5357 appendix I). ports: those of reflectors.
[[nodiscard]] std::unique_ptr<ProbeRules> stamp_rules(std::vector<std::uint16_t> ports);
/// Any UDP echo: by identical payload, or by a number in it.
[[nodiscard]] std::unique_ptr<ProbeRules> udp_echo_rules(std::optional<NumberField> number);
/// ICMP and ICMPv6 echoes: pings.
[[nodiscard]] std::unique_ptr<ProbeRules> icmp_rules();

/// A hash of what was captured of a payload and of its length.
[[nodiscard]] std::uint64_t payload_hash(const Datagram& datagram);

}  // namespace netobs::capture
