#include "core/session/reflector_session.hpp"

#include "core/base/serial.hpp"

namespace netobs {
namespace {
constexpr std::uint64_t one_cycle = 1ULL << 32U;
}

bool ReplayWindow::test(std::uint64_t sequence) const {
  const std::uint64_t bit = sequence % width;
  return (bits_[bit / 64] >> (bit % 64) & 1U) != 0;
}

void ReplayWindow::mark(std::uint64_t sequence) {
  const std::uint64_t bit = sequence % width;
  bits_[bit / 64] |= 1ULL << (bit % 64);
}

void ReplayWindow::advance(std::uint64_t newest) {
  if (newest - newest_ >= width) {
    bits_.fill(0);
  } else {
    for (std::uint64_t s = newest_ + 1; s <= newest; ++s) {
      const std::uint64_t bit = s % width;
      bits_[bit / 64] &= ~(1ULL << (bit % 64));
    }
  }
  newest_ = newest;
}

ReplayWindow::Verdict ReplayWindow::accept(std::uint32_t sequence) {
  if (!started_) {
    started_ = true;
    // One cycle up, so that packets from before the first one have somewhere to be.
    newest_ = one_cycle + sequence;
    mark(newest_);
    return Verdict::fresh;
  }
  const std::uint64_t unwrapped = unwrap_serial(sequence, newest_);
  if (unwrapped > newest_) {
    advance(unwrapped);
  } else if (newest_ - unwrapped >= width) {
    return Verdict::too_old;
  } else if (test(unwrapped)) {
    return Verdict::replayed;
  }
  mark(unwrapped);
  return Verdict::fresh;
}

}  // namespace netobs
