#include "core/capture/pcapng_interfaces.hpp"

#include <algorithm>

#include "core/base/bytes.hpp"
#include "core/capture/pcapng_format.hpp"

namespace netobs::capture {

void PcapngInterfaces::feed(std::span<const std::byte> bytes) {
  while (!bytes.empty() && !given_up_) {
    if (skip_ > 0) {
      const auto passed = std::min<std::uint64_t>(skip_, bytes.size());
      skip_ -= passed;
      bytes = bytes.subspan(passed);
      continue;
    }
    const auto taken = std::min(header_.size() - header_size_, bytes.size());
    std::ranges::copy(bytes.first(taken),
                      header_.begin() + static_cast<std::ptrdiff_t>(header_size_));
    header_size_ += taken;
    bytes = bytes.subspan(taken);
    if (header_size_ == header_.size()) begin_block();
  }
}

std::uint32_t PcapngInterfaces::word(std::size_t offset) const {
  const auto big = load_be<std::uint32_t>(header_, offset);
  return big_endian_ ? big : __builtin_bswap32(big);
}

void PcapngInterfaces::begin_block() {
  constexpr std::size_t at_length = 4;
  constexpr std::size_t at_byte_order = 8;
  header_size_ = 0;
  if (word(0) == pcapng::section_header) {
    const bool before = big_endian_;
    big_endian_ = load_be<std::uint32_t>(header_, at_byte_order) == pcapng::byte_order_magic;
    given_up_ = word(at_byte_order) != pcapng::byte_order_magic;
    const bool other = started_ && !given_up_ && before != big_endian_;
    byte_orders_differ_ = byte_orders_differ_ || other;
    started_ = true;
    count_ = 0;
  } else if (started_ && word(0) == pcapng::interface_description) {
    ++count_;
  }
  const auto length = word(at_length);
  given_up_ = given_up_ || !started_ || length < header_.size();
  skip_ = length - std::min<std::uint64_t>(length, header_.size());
}

}  // namespace netobs::capture
