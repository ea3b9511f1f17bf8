#pragma once
// What the replies of one session tell of the other end, as observations: base timestamps,
// Follow-Up Telemetry, the Net Obs TLV. Live and from a capture it is the same.

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "core/base/time.hpp"
#include "core/correlate/observation.hpp"
#include "core/wire/error_estimate.hpp"
#include "core/wire/hmac.hpp"
#include "core/wire/netobs_tlv.hpp"
#include "core/wire/packet.hpp"

namespace netobs {

/// What the replies told of the other end.
struct ReflectorInfo {
  bool multi_layer = false;          ///< it answers the Net Obs TLV
  PointSet points;                   ///< that it records in this session
  PointSet on_path;                  ///< that probes pass there at all; empty = not told
  bool nic_converted = false;        ///< its hardware times come on its CLOCK_REALTIME
  bool base_is_xdp = false;          ///< T2 and T3 are its XDP program's, and nothing else comes
  std::uint64_t clock_identity = 0;  ///< equal on both ends = same kernel, same CLOCK_REALTIME
  std::uint32_t dropped = 0;         ///< timestamps it lost to full buffers
  std::optional<wire::ErrorEstimate> error_estimate;
  /// Its timestamps come in entries of later replies.
  [[nodiscard]] bool reports() const { return multi_layer && !base_is_xdp; }
  bool stateful = false;  ///< its own sequence differs from ours or was seen to count
};

/// Who takes what a reply tells, and knows the probes.
class ReplyListener {
 public:
  /// Index of the probe, from 32 bits on the wire; nullopt: none that counts.
  [[nodiscard]] virtual std::optional<std::uint64_t> counted_probe(
      std::uint32_t wire_sequence) const = 0;
  virtual void take(const Observation& observation) = 0;

 protected:
  ReplyListener() = default;
  ReplyListener(const ReplyListener&) = default;
  ReplyListener(ReplyListener&&) = default;
  ReplyListener& operator=(const ReplyListener&) = default;
  ReplyListener& operator=(ReplyListener&&) = default;
  ~ReplyListener() = default;
};

/// One reply, as its receiver knows it.
struct ReplyContext {
  wire::Mode mode = wire::Mode::unauthenticated;
  std::uint64_t probe = 0;        ///< index of the probe that it answers
  std::int64_t reference_ns = 0;  ///< CLOCK_REALTIME, roughly: for the era of wire timestamps
  MonotonicTime now;
};

/// Single thread. Never allocates.
class ReplyReader {
 public:
  /// first_sequence: what the reflector's own numbers begin with, where it is a Net Obs reflector.
  explicit ReplyReader(std::uint32_t first_sequence = 0) : first_sequence_(first_sequence) {}

  /// First: what the base says of the reflector itself.
  void take_base(const wire::ReflectorPacket& reply);
  /// Then the TLVs, of a reply that has room for them. hmac: the session's key; null: there is
  /// none, or its integrity cannot be checked.
  void take_tlvs(std::span<const std::byte> payload, const wire::ReflectorPacket& reply,
                 const ReplyContext& context, wire::Hmac* hmac, ReplyListener& listener);
  /// T2 and T3, of a probe that counts and where no report is to bring better ones.
  void take_base_timestamps(const wire::ReflectorPacket& reply, const ReplyContext& context,
                            ReplyListener& listener);

  /// The reflector's number, from 0, as the correlator counts; a foreign reflector begins there
  /// anyway (RFC 8762 4.3.1).
  [[nodiscard]] std::uint32_t reflector_number(std::uint32_t wire_sequence) const {
    return info_.multi_layer ? wire_sequence - first_sequence_ : wire_sequence;
  }
  [[nodiscard]] const ReflectorInfo& info() const { return info_; }
  /// Net Obs TLVs that do not parse, and areas that fail their HMAC.
  [[nodiscard]] std::uint64_t bad_reports() const { return bad_reports_; }
  /// A report of a probe that counts has come.
  [[nodiscard]] bool any_reported() const { return any_reported_; }
  [[nodiscard]] bool tx_hardware_reported() const { return tx_hardware_reported_; }

 private:
  void take_follow_up(std::span<const std::byte> value, const wire::ReflectorPacket& reply,
                      const ReplyContext& context, ReplyListener& listener);
  void take_reports(std::span<const std::byte> value, MonotonicTime now, ReplyListener& listener);
  void follow_clock(std::uint8_t steps, MonotonicTime now, ReplyListener& listener);
  void take_report(const wire::NetobsEntry& entry, ReplyListener& listener);

  std::uint32_t first_sequence_;
  std::optional<std::uint8_t> clock_steps_;  // as last told
  MonotonicTime clock_good_;                 // when it was last told so
  /// Which probe a reflector's recent sequence numbers answered: Follow-Up Telemetry names only
  /// those.
  struct Answered {
    std::uint32_t reflector_sequence = 0;
    std::uint64_t probe = 0;
    std::int64_t t3_ns = 0;
    bool valid = false;
  };
  std::array<Answered, 64> recent_{};
  bool any_reported_ = false;
  bool tx_hardware_reported_ = false;
  std::uint64_t bad_reports_ = 0;
  ReflectorInfo info_;
};

}  // namespace netobs
