#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace netobs::capture {

/// Counts the interfaces that a pcapng stream describes, from its blocks' headers alone: a reader
/// keeps something for each, and a small compressed file can describe billions. Anything but
/// pcapng, or pcapng that is broken, counts no further.
class PcapngInterfaces {
 public:
  /// The next octets of the stream, in pieces of any size.
  void feed(std::span<const std::byte> bytes);
  /// Of the section that is being read.
  [[nodiscard]] std::uint32_t count() const { return count_; }
  /// A section is in another byte order than the one before.
  [[nodiscard]] bool byte_orders_differ() const { return byte_orders_differ_; }

 private:
  void begin_block();
  [[nodiscard]] std::uint32_t word(std::size_t offset) const;

  std::array<std::byte, 12> header_{};  // type, length, and of a section its byte order
  std::size_t header_size_ = 0;         // octets in it so far
  std::uint64_t skip_ = 0;              // octets to the next block
  std::uint32_t count_ = 0;
  bool big_endian_ = false;
  bool byte_orders_differ_ = false;
  bool started_ = false;
  bool given_up_ = false;
};

}  // namespace netobs::capture
