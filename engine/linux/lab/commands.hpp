#pragma once

#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "linux/os/netns.hpp"

namespace netobs::lab {

/// Lines for `ip -batch`, in the calling thread's namespace. Needs CAP_NET_ADMIN and iproute2.
[[nodiscard]] Result<void> ip_batch(const std::string& lines);
/// The same in another namespace.
[[nodiscard]] Result<void> ip_batch_in(const os::NetworkNamespace& where, const std::string& lines);

/// Runs `tc` with these arguments in a namespace.
[[nodiscard]] Result<void> tc_in(const os::NetworkNamespace& where,
                                 const std::vector<std::string>& arguments);

/// How `ip` names a namespace that only a descriptor of this process holds.
[[nodiscard]] std::string namespace_path(const os::NetworkNamespace& space);

}  // namespace netobs::lab
