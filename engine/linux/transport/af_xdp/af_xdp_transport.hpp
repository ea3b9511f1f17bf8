#pragma once

#include <memory>

#include "linux/transport/udp_transport.hpp"

namespace netobs {

/// Datagrams built and parsed here and moved through AF_XDP rings, past the kernel's stack. An
/// ordinary UDP socket stands beside it: it holds the port, has the kernel's checks of addresses,
/// and gets the ICMP errors. A slot is free again when the driver has given its frame back.
///
/// Beyond what make_transport() says, errors: no XDP in the driver, another XDP program on the
/// interface, a busy queue, an unresolved neighbour, no CAP_NET_RAW, CAP_BPF or CAP_NET_ADMIN, an
/// MTU that XDP cannot take.
[[nodiscard]] Result<std::unique_ptr<LinuxTransport>> make_af_xdp_transport(
    const TransportOptions& options);

}  // namespace netobs
