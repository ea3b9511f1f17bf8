#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "core/base/endpoint.hpp"
#include "core/session/admission.hpp"
#include "core/session/reflector_entries.hpp"
#include "core/session/session_table.hpp"

namespace netobs {

/// Sequences already answered, against replay (RFC 8762 7): the newest 1024 are remembered one by
/// one, what is older is refused.
class ReplayWindow {
 public:
  enum class Verdict : std::uint8_t { fresh, replayed, too_old };
  static constexpr std::uint64_t width = 1024;

  /// Judges the sequence and, when fresh, remembers it.
  [[nodiscard]] Verdict accept(std::uint32_t sequence);

 private:
  [[nodiscard]] bool test(std::uint64_t sequence) const;
  void mark(std::uint64_t sequence);
  void advance(std::uint64_t newest);

  std::array<std::uint64_t, width / 64> bits_{};
  std::uint64_t newest_ = 0;
  bool started_ = false;
};

/// What tells sessions apart (RFC 8972 3: the SSID besides the addresses).
struct SessionKey {
  Endpoint peer;
  std::uint16_t ssid = 0;
  friend bool operator==(const SessionKey&, const SessionKey&) = default;
};

struct SessionKeyHash {
  std::uint64_t operator()(std::uint64_t seed, const SessionKey& key) const {
    const std::uint64_t number =
        std::uint64_t{key.peer.scope_id} << 32U | std::uint64_t{key.peer.port} << 16U | key.ssid;
    return seeded_hash(seed, key.peer.address, number);
  }
};

struct Session {
  std::uint64_t next_number = 0;  ///< of the next reply; its low 32 bits are the stateful sequence
  std::uint32_t received = 0;     ///< requests, this one included; wraps as its TLV field does
  ReplayWindow replay;
  PointSet requested;  ///< what its last request with a Net Obs TLV asked for
  /// Made by the first request that asks for earlier replies: foreign senders cost nothing.
  std::unique_ptr<EntryRing> entries;

  [[nodiscard]] EntryRing& entry_ring(const EntryLimits& limits) {
    if (!entries) entries = std::make_unique<EntryRing>(limits, next_number);
    return *entries;
  }
};

using SessionTable = KeyedTable<SessionKey, Session, SessionKeyHash>;

}  // namespace netobs
