#pragma once

#include <atomic>
#include <chrono>
#include <string>

#include "core/base/result.hpp"

namespace netobs::conditions {

struct PublicIpOptions {
  std::string url = "https://api.ipify.org";  ///< http or https; answers with the address alone
  std::chrono::milliseconds timeout{3000};    ///< for all of it
  const std::atomic<bool>* stop = nullptr;
};

/// Asks a service under which address this host is seen.
[[nodiscard]] Result<std::string> fetch_public_ip(const PublicIpOptions& options);

}  // namespace netobs::conditions
