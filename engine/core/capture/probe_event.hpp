#pragma once
// A captured probe or reply of ours as the hook event that any other hook would make of it.

#include <cstdint>
#include <optional>

#include "core/base/endpoint.hpp"
#include "core/capture/link_frame.hpp"
#include "core/session/hook_source.hpp"
#include "core/wire/packet.hpp"

namespace netobs::capture {

/// Whose packets are meant. The two ports must differ, or `remote` be given: a packet's way is told
/// by them.
struct ProbeFilter {
  std::uint16_t local_port = 0;
  std::optional<Endpoint> remote{};  ///< given: we send requests to it alone; else: we reflect
  wire::Mode mode = wire::Mode::unauthenticated;
  std::uint32_t interface_index = 0;  ///< scope of link-local peers
};

/// ns is left 0. nullopt: not one of these packets, not the first fragment, or cut off before its
/// number.
[[nodiscard]] std::optional<HookEvent> read_probe_event(const Datagram& datagram,
                                                        const ProbeFilter& filter);

}  // namespace netobs::capture
