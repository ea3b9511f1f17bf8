#pragma once
// What receiving past the stack needs to be told, where a socket would simply listen.

#include <string>
#include <vector>

#include "core/base/endpoint.hpp"
#include "core/base/result.hpp"

namespace netobs {

/// The interface that datagrams to `local` come in through: the one that is named, that holds the
/// address, or the only one that is up. Error (usage): there are several.
[[nodiscard]] Result<std::string> listening_interface(const Endpoint& local,
                                                      const std::string& named);
/// `local` alone, or every address of this host where it is unspecified. Without ports and scopes.
[[nodiscard]] std::vector<Endpoint> receiving_addresses(const Endpoint& local);

}  // namespace netobs
