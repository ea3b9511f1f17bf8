#include "core/correlate/arrivals.hpp"

#include <algorithm>

#include "core/base/serial.hpp"

namespace netobs {

bool ArrivalNumbers::test(std::uint64_t number) const {
  return (bits_[number / 64 % bits_.size()] >> (number % 64) & 1U) != 0;
}

void ArrivalNumbers::assign(std::uint64_t number, bool value) {
  auto& word = bits_[number / 64 % bits_.size()];
  const std::uint64_t bit = std::uint64_t{1} << (number % 64);
  word = value ? word | bit : word & ~bit;
}

void ArrivalNumbers::start_epoch(std::uint64_t number) {
  if (started_) ++epoch_;
  started_ = true;
  std::ranges::fill(bits_, 0);
  highest_ = number;
}

ArrivalNumbers::Known ArrivalNumbers::take(std::uint32_t number, bool belongs_to_nobody_yet) {
  ++version_;
  if (!started_) start_epoch(number);
  std::uint64_t unwrapped = unwrap_serial(number, highest_);
  if (unwrapped > highest_) {
    if (unwrapped - highest_ >= width()) start_epoch(unwrapped);
    for (std::uint64_t n = highest_ + 1; n <= unwrapped; ++n) assign(n, false);
    highest_ = unwrapped;
  } else if (highest_ - unwrapped >= width() ||
             (belongs_to_nobody_yet && unwrapped != highest_ && test(unwrapped))) {
    start_epoch(number);
    unwrapped = number;
  }
  assign(unwrapped, true);
  return {unwrapped, epoch_};
}

std::optional<std::uint64_t> ArrivalNumbers::missing_between(std::optional<Known> from,
                                                             Known to) const {
  if (to.epoch != epoch_ || (from && from->epoch != to.epoch)) return std::nullopt;
  if (!from && epoch_ != 0) return std::nullopt;
  std::uint64_t number = from ? from->number + 1 : 0;
  if (number > to.number || highest_ - number >= width()) return std::nullopt;
  std::uint64_t missing = 0;
  for (; number < to.number; ++number) missing += test(number) ? 0U : 1U;
  return missing;
}

}  // namespace netobs
