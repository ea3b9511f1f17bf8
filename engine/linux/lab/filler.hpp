#pragma once

#include <cstdint>
#include <vector>

#include "core/base/endpoint.hpp"
#include "core/base/result.hpp"
#include "linux/os/fd.hpp"
#include "linux/os/netns.hpp"

namespace netobs::lab {

/// Sends a given number of bytes, Ethernet headers included, from one host to the other, as UDP
/// datagrams to the discard port, where a socket takes them.
class Filler {
 public:
  /// Bytes of a frame beside the UDP payload: Ethernet, IPv4, UDP.
  static constexpr std::int64_t header_bytes = 14 + 20 + 8;

  [[nodiscard]] static Result<Filler> make(const os::NetworkNamespace& from,
                                           const os::NetworkNamespace& to, const Endpoint& sink);
  /// The least that can be sent is header_bytes; 0 sends nothing. False when the kernel refused.
  [[nodiscard]] bool send(std::int64_t frame_bytes) const;

 private:
  Filler(os::Fd source, os::Fd sink) : source_(std::move(source)), sink_(std::move(sink)) {}
  os::Fd source_;
  os::Fd sink_;
};

}  // namespace netobs::lab
