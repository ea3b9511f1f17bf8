#pragma once
// For which packets a hardware transmit timestamp is asked for. A NIC has one to four places for a
// timestamp that the driver has not yet fetched; what finds them taken goes unstamped, and so do
// the messages of a PTP daemon on the same NIC.

#include <array>
#include <cstddef>
#include <cstdint>

#include "core/base/time.hpp"

namespace netobs {

struct StampSampling {
  /// 1 = every packet, n = one in n; 0 = automatic: as many as come back.
  std::uint32_t every = 0;
  friend bool operator==(const StampSampling&, const StampSampling&) = default;
};

/// Single thread. Bounded; never allocates.
///
/// Automatic: at most `limit()` are under way. It begins at one, so that a NIC with one place loses
/// none; it grows by one after a stretch without a loss, and halves after a loss, and each loss
/// makes the next stretch twice as long.
class StampBudget {
 public:
  explicit StampBudget(StampSampling sampling) : sampling_(sampling) {}

  /// Whether to ask for this packet's timestamp. True: it counts as under way from now on.
  [[nodiscard]] bool take(std::uint32_t id, MonotonicTime now);
  /// Its timestamp has come, or the packet was not sent after all.
  void came(std::uint32_t id);
  void failed(std::uint32_t id) { forget(id); }
  /// How many are awaited, without those given up by `now`.
  [[nodiscard]] std::size_t under_way(MonotonicTime now);
  [[nodiscard]] std::size_t limit() const { return limit_; }

  /// The most that is asked for at once in any mode.
  static constexpr std::size_t most_under_way = 64;
  /// Later than this a timestamp no longer holds others back; it still finds its packet.
  static constexpr Duration patience = std::chrono::milliseconds(200);

 private:
  struct Asked {
    std::uint32_t id = 0;
    MonotonicTime at;
  };
  bool forget(std::uint32_t id);
  void give_up_overdue(MonotonicTime now);
  void on_loss();

  StampSampling sampling_;
  std::uint64_t seen_ = 0;
  std::size_t limit_ = 1;
  std::uint64_t came_in_a_row_ = 0;
  std::uint64_t stretch_ = 16;
  std::array<Asked, most_under_way> asked_{};  // the first count_, oldest first
  std::size_t count_ = 0;
};

}  // namespace netobs
