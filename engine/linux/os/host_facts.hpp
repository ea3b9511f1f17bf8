#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace netobs::os {

/// What of the host bears on latency and can be read without changing anything. A fact that the
/// host does not tell is empty or nullopt, never a guess.
struct HostFacts {
  std::string kernel;  ///< release, as uname -r
  std::string cpu_model;
  unsigned cpu_count = 0;                             ///< the CPUs this thread may run on
  std::string clock_source;                           ///< /sys/devices/system/clocksource
  std::string governor;                               ///< of CPU 0; empty where there is no cpufreq
  std::vector<std::string> idle_states;               ///< names of cpuidle's states of CPU 0
  std::optional<std::uint32_t> deepest_idle_exit_us;  ///< exit latency of the deepest enabled state
  std::string virtualization;           ///< "hypervisor" when the CPU says so; empty on bare metal
  std::optional<bool> tstamp_prequeue;  ///< net.core.netdev_tstamp_prequeue
  std::string boot_id;                  ///< tells whether two processes share a kernel
};

[[nodiscard]] HostFacts read_host_facts();
/// First line of a small file, without its end; empty when it cannot be read.
[[nodiscard]] std::string read_first_line(const std::string& path);
/// CPUs that serve the interface's interrupts ("eth0", "eth0-rx-0", ...): "2,3"; empty when it has
/// none.
[[nodiscard]] std::string interrupt_affinity(const std::string& interface);

}  // namespace netobs::os
