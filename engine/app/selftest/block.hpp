#pragma once
// One run between two hosts of this machine, with everything the self-test wants to see of it.

#include <optional>
#include <string>
#include <vector>

#include "app/reflector_service.hpp"
#include "app/run_config.hpp"
#include "app/run_control.hpp"
#include "core/layer/record.hpp"
#include "core/report/summary.hpp"
#include "linux/os/netns.hpp"

namespace netobs::app::selftest {

/// The two ends of a path inside this machine. Borrowed from the lab that made them.
struct Hosts {
  const os::NetworkNamespace* sender = nullptr;
  const os::NetworkNamespace* reflector = nullptr;
  std::string sender_interface;
  std::string reflector_interface;
};

/// What every run of a self-test has in common.
struct Setup {
  std::string transport = "syscall";
  LayerSelection layers;
  DisabledFeatures disabled;
  /// Where sender and reflector run; without two CPUs they are not pinned.
  std::optional<int> sender_cpu;
  std::optional<int> reflector_cpu;

  [[nodiscard]] bool has_two_cpus() const { return sender_cpu && reflector_cpu; }
};
/// The first two CPUs that this process may use.
[[nodiscard]] Setup make_setup(const LayerSelection& layers);

struct BlockPlan {
  RunConfig run;
  ReflectorOptions reflector;
};
/// An isochronous run of `count` probes, nothing stored. Both programs block: one that sleeps gets
/// its CPU back at once, even from busy neighbours; one that spins has to share it.
[[nodiscard]] BlockPlan plan_block(const Hosts& hosts, const Setup& setup, std::uint64_t count,
                                   Duration interval);

struct Block {
  report::Summary summary;
  std::vector<ProbeRecord> records;
  ReflectorCounters reflector;
  /// Why the sender measured nothing although both hosts were set up; empty when it measured.
  std::string failed;
};

/// Starts the reflector, runs the sender on a thread of its own, stops the reflector. An error
/// where the reflector cannot be started.
[[nodiscard]] Result<Block> run_block(const BlockPlan& plan, RunControl& control);

}  // namespace netobs::app::selftest
