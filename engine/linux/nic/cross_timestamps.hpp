#pragma once
// What the kernel's answers about two clocks mean.

#include <linux/ptp_clock.h>

#include <optional>
#include <span>

#include "core/clock/cross_timestamp.hpp"

namespace netobs::nic {

/// The sample with the shortest bracket; nullopt when none has an end that is not before its
/// beginning (CLOCK_REALTIME was set back meanwhile).
[[nodiscard]] std::optional<CrossTimestamp> shortest(const ptp_sys_offset_extended& answer);
[[nodiscard]] std::optional<CrossTimestamp> shortest(const ptp_sys_offset& answer);
/// The sample whose offset is the median. Its half width is the largest distance of another's
/// offset from it, plus 1 ns. nullopt for none.
[[nodiscard]] std::optional<CrossTimestamp> median(std::span<const CrossTimestamp> latched);

[[nodiscard]] std::int64_t to_ns(const ptp_clock_time& time);

}  // namespace netobs::nic
