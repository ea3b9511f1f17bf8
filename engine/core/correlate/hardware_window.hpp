#pragma once
// Whether a hardware timestamp can be of its packet, by the software timestamps around it. Drivers
// hand out times of other packets, and times that were never set.

#include <cstdint>
#include <optional>

#include "core/layer/record.hpp"

namespace netobs {

/// A time of the NIC and of the host for one packet.
struct HardwareSighting {
  std::int64_t nic_ns = 0;
  std::int64_t software_ns = 0;  ///< CLOCK_REALTIME, in the driver or next to it
};
/// Whether `now` repeats the NIC's time of the packet before: some drivers do, having none. Packets
/// that a NIC saw within one tick of its clock are equal by right, and the host takes those
/// together.
[[nodiscard]] bool is_repeated(const std::optional<HardwareSighting>& before,
                               const HardwareSighting& now);

[[nodiscard]] bool has_hardware_times(const ProbeRecord& record, Host host);

/// point: tx_hardware or rx_hardware, captured. bound_ns: the +- of the record's hardware times of
/// that host on the scale of CLOCK_REALTIME; nullopt: they are the NIC's own, and only their
/// distance can be judged.
[[nodiscard]] bool is_possible(const ProbeRecord& record, Host host, Point point,
                               const std::optional<std::int64_t>& bound_ns);

}  // namespace netobs
