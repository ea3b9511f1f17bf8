#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"
#include "linux/timestamp/bpf_hooks.hpp"
#include "linux/transport/udp_transport.hpp"

namespace netobs::app {

struct KernelFeatures {
  TransportFeatures transport;
  HookFeatures hooks;
};

/// Everything on but the named ones: how `--without` tries a fallback on a kernel that has the
/// feature. An unknown name is a usage error that lists the known ones.
[[nodiscard]] Result<KernelFeatures> features_without(std::span<const std::string> names);

}  // namespace netobs::app
