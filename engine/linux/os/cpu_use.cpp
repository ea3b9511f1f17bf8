#include "linux/os/cpu_use.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <string>

namespace netobs::os {
namespace {

std::int64_t process_ns(int who) {
  rusage use{};
  if (::getrusage(who, &use) != 0) return 0;
  const auto ns = [](const timeval& time) {
    return time.tv_sec * 1'000'000'000LL + time.tv_usec * 1'000LL;
  };
  return ns(use.ru_utime) + ns(use.ru_stime);
}

}  // namespace

CpuUse CpuUse::now() {
  // proc(5): user nice system idle iowait irq softirq steal.
  enum Field : std::uint8_t { user, nice, system, idle, iowait, irq, softirq, steal, field_count };
  std::ifstream file("/proc/stat");
  std::string label;
  std::array<std::int64_t, field_count> ticks{};
  file >> label;
  for (auto& value : ticks) file >> value;
  const std::int64_t per_second = ::sysconf(_SC_CLK_TCK);
  CpuUse use;
  if (!file || label != "cpu" || per_second <= 0) return use;
  const std::int64_t tick_ns = 1'000'000'000 / per_second;
  for (const auto value : ticks) use.all_ns += value * tick_ns;
  use.busy_ns = (ticks[user] + ticks[nice] + ticks[system] + ticks[steal]) * tick_ns;
  use.own_ns = process_ns(RUSAGE_SELF) + process_ns(RUSAGE_CHILDREN);
  return use;
}

double CpuUse::others_share_since(const CpuUse& before) const {
  const auto all = all_ns - before.all_ns;
  const auto others = (busy_ns - before.busy_ns) - (own_ns - before.own_ns);
  if (all <= 0) return 0;
  return std::clamp(static_cast<double>(others) / static_cast<double>(all), 0.0, 1.0);
}

}  // namespace netobs::os
