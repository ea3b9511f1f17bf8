#include "linux/os/host_facts.hpp"

#include <fmt/format.h>
#include <sched.h>
#include <sys/utsname.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <sstream>

namespace netobs::os {
namespace {

std::optional<std::uint32_t> to_number(const std::string& text) {
  std::uint32_t value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc{} || end == text.data()) return std::nullopt;
  return value;
}

void read_cpu(HostFacts& facts) {
  std::ifstream file("/proc/cpuinfo");
  std::string line;
  // Bounded: the fields wanted stand in the first processor's block.
  for (int i = 0; i < 64 && std::getline(file, line); ++i) {
    const auto colon = line.find(": ");
    if (colon == std::string::npos) continue;
    if (facts.cpu_model.empty() && line.starts_with("model name")) {
      facts.cpu_model = line.substr(colon + 2);
    } else if (line.starts_with("flags") &&
               (line + " ").find(" hypervisor ") != std::string::npos) {
      facts.virtualization = "hypervisor";
    }
  }
}

void read_idle_states(HostFacts& facts) {
  constexpr int max_states = 16;
  for (int i = 0; i < max_states; ++i) {
    const auto folder = fmt::format("/sys/devices/system/cpu/cpu0/cpuidle/state{}/", i);
    auto name = read_first_line(folder + "name");
    if (name.empty()) return;
    facts.idle_states.push_back(std::move(name));
    const bool enabled = read_first_line(folder + "disable") != "1";
    const auto exit_us = to_number(read_first_line(folder + "latency"));
    if (enabled && exit_us) {
      facts.deepest_idle_exit_us = std::max(facts.deepest_idle_exit_us.value_or(0), *exit_us);
    }
  }
}

}  // namespace

std::string read_first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  constexpr std::size_t max_line = 4096;
  line.resize(std::min(line.size(), max_line));
  return line;
}

HostFacts read_host_facts() {
  HostFacts facts;
  utsname names{};
  if (::uname(&names) == 0) facts.kernel = names.release;
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (::sched_getaffinity(0, sizeof allowed, &allowed) == 0) {
    facts.cpu_count = static_cast<unsigned>(CPU_COUNT(&allowed));
  }
  read_cpu(facts);
  read_idle_states(facts);
  facts.clock_source =
      read_first_line("/sys/devices/system/clocksource/clocksource0/current_clocksource");
  facts.governor = read_first_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor");
  facts.boot_id = read_first_line("/proc/sys/kernel/random/boot_id");
  if (const auto value = to_number(read_first_line("/proc/sys/net/core/netdev_tstamp_prequeue"))) {
    facts.tstamp_prequeue = *value != 0;
  }
  return facts;
}

std::string interrupt_affinity(const std::string& interface) {
  std::ifstream file("/proc/interrupts");
  std::string line;
  std::string cpus;
  while (std::getline(file, line)) {
    const auto name_at = line.rfind(' ');
    if (name_at == std::string::npos) continue;
    const auto name = line.substr(name_at + 1);
    if (name != interface && !name.starts_with(interface + "-")) continue;
    std::istringstream number(line);
    unsigned interrupt = 0;
    if (!(number >> interrupt)) continue;
    const auto list =
        read_first_line(fmt::format("/proc/irq/{}/effective_affinity_list", interrupt));
    if (!list.empty()) cpus += (cpus.empty() ? "" : ",") + list;
  }
  return cpus;
}

}  // namespace netobs::os
