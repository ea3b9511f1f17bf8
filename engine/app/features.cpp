#include "app/features.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>

namespace netobs::app {
namespace {

struct Switch {
  std::string_view name;
  void (*off)(KernelFeatures&);
};

constexpr std::array<Switch, 8> switches{{
    {"scm_ts_opt_id", [](KernelFeatures& f) { f.transport.scm_ts_opt_id = false; }},
    {"uring_tx_timestamp", [](KernelFeatures& f) { f.transport.uring_tx_timestamp = false; }},
    {"multishot", [](KernelFeatures& f) { f.transport.multishot = false; }},
    {"defer_taskrun", [](KernelFeatures& f) { f.transport.defer_taskrun = false; }},
    {"send_batching", [](KernelFeatures& f) { f.transport.send_batching = false; }},
    {"tcx", [](KernelFeatures& f) { f.hooks.tcx = false; }},
    {"tai_clock", [](KernelFeatures& f) { f.hooks.tai_clock = false; }},
    {"btf", [](KernelFeatures& f) { f.hooks.btf = false; }},
}};

}  // namespace

Result<KernelFeatures> features_without(std::span<const std::string> names) {
  KernelFeatures features;
  for (const auto& name : names) {
    const auto* row = std::ranges::find(switches, name, &Switch::name);
    if (row == switches.end()) {
      std::string known;
      for (const auto& one : switches) known += (known.empty() ? "" : ", ") + std::string(one.name);
      return fail({.what = fmt::format("'{}' is not a kernel feature that can be left out", name),
                   .cause = fmt::format("Known are: {}.", known),
                   .remedy = "",
                   .exit = ExitCode::usage});
    }
    row->off(features);
  }
  return features;
}

}  // namespace netobs::app
