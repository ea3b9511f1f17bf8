#pragma once
// The compiled BPF programs, carried inside the binary. Static memory, valid for ever.

#include <cstddef>
#include <span>

namespace netobs::bpf {

[[nodiscard]] std::span<const std::byte> tc_object();      ///< tc_egress, tc_ingress
[[nodiscard]] std::span<const std::byte> socket_object();  ///< socket_delivery
[[nodiscard]] std::span<const std::byte> trace_object();   ///< the tracepoints, one program each
[[nodiscard]] std::span<const std::byte> xdp_object();     ///< steer
[[nodiscard]] std::span<const std::byte> xdp_hardware_object();   ///< steer, with NIC times
[[nodiscard]] std::span<const std::byte> xdp_reflector_object();  ///< reflect

}  // namespace netobs::bpf
