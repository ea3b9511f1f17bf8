#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "core/base/time.hpp"
#include "core/session/reflector_config.hpp"
#include "core/session/reflector_session.hpp"

namespace netobs {

struct TlvOutcome {
  std::uint32_t unrecognised = 0;
  bool malformed = false;
  bool integrity_failed = false;
};

/// Turns the TLVs of a request, copied to their place in the reply, into those of the reply, in
/// place and at the same size (RFC 8972 4). What is not understood goes back as it came, marked.
/// Not answered, on purpose: Class of Service, since the DSCP and ECN as received are not known
/// here.
class TlvAnswers {
 public:
  explicit TlvAnswers(const ReflectorConfig& config) : config_(config) {}

  /// integrity_failed: the request's HMAC TLV was wrong or missing; then nothing is answered.
  [[nodiscard]] TlvOutcome answer(std::span<std::byte> area, Session& session,
                                  bool integrity_failed, const Turn& turn) const;

 private:
  enum class Verdict : std::uint8_t { answered, unrecognised, malformed };
  [[nodiscard]] Verdict answer_one(wire::TlvType type, std::span<std::byte> value, Session& session,
                                   const Turn& turn) const;
  [[nodiscard]] Verdict answer_netobs(std::span<std::byte> value, Session& session,
                                      const Turn& turn) const;
  [[nodiscard]] Verdict answer_follow_up(std::span<std::byte> value, Session& session) const;
  [[nodiscard]] Verdict answer_timestamp_information(std::span<std::byte> value) const;
  [[nodiscard]] Verdict answer_direct_measurement(std::span<std::byte> value,
                                                  const Session& session) const;

  const ReflectorConfig& config_;
};

}  // namespace netobs
