#pragma once

#include <memory>

#include "linux/transport/udp_transport.hpp"

namespace netobs {

/// Sends, receives and TX timestamps through one io_uring. Linux 6.0 and later.
///
/// The first call of acquire(), submit() or poll() makes the calling thread the ring's single
/// issuer; destroy the transport on that thread too, or its port stays taken until the thread ends.
///
/// Two ways of receiving, by what measured best (bench/pingpong.cpp): a spinning poll submits
/// receives that never wait, and reads the socket queue in the same system call; a blocking poll
/// arms one multishot receive and sleeps on the ring. Once armed it stays armed, and a spin then
/// watches the ring's memory instead.
[[nodiscard]] Result<std::unique_ptr<LinuxTransport>> make_io_uring_transport(
    const TransportOptions& options);

}  // namespace netobs
