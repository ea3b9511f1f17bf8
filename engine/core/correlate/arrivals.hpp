#pragma once
// What a stateful reflector's own sequence numbers tell about requests whose replies never came: it
// numbers the requests as they arrive, so a number that no reply has carried is a request that
// arrived and a reply that was lost (RFC 8762 4.3.1).

#include <cstdint>
#include <optional>
#include <vector>

namespace netobs {

/// Which of the latest numbers are accounted for. Bounded: one bit per number of the window. A
/// number that comes again for another probe, or one far away, means that the reflector has started
/// anew: a new epoch begins, and numbers of different epochs are not compared.
class ArrivalNumbers {
 public:
  struct Known {
    std::uint64_t number = 0;  ///< unwrapped within its epoch
    std::uint32_t epoch = 0;
  };

  /// window: a power of two, at least 64.
  explicit ArrivalNumbers(std::size_t window) : bits_(window / 64) {}

  /// For the first reply to a probe, or report of it.
  Known first_of_probe(std::uint32_t number) { return take(number, true); }
  /// For further ones: duplicates, and what belongs to records already closed.
  void again(std::uint32_t number) { (void)take(number, false); }

  /// How many requests arrived between two known ones and are not accounted for; nullopt when the
  /// numbers cannot tell. from: nullopt = the start of the session, at number 0.
  [[nodiscard]] std::optional<std::uint64_t> missing_between(std::optional<Known> from,
                                                             Known to) const;
  /// Changes with every number taken in.
  [[nodiscard]] std::uint64_t version() const { return version_; }

 private:
  Known take(std::uint32_t number, bool belongs_to_nobody_yet);
  void start_epoch(std::uint64_t number);
  [[nodiscard]] std::uint64_t width() const { return bits_.size() * 64; }
  [[nodiscard]] bool test(std::uint64_t number) const;
  void assign(std::uint64_t number, bool value);

  std::vector<std::uint64_t> bits_;
  std::uint64_t highest_ = 0;
  std::uint64_t version_ = 0;
  std::uint32_t epoch_ = 0;
  bool started_ = false;
};

}  // namespace netobs
