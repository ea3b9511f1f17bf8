#include "linux/transport/af_xdp/listening_link.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <utility>

#include "linux/os/interface.hpp"

namespace netobs {

Result<std::string> listening_interface(const Endpoint& local, const std::string& named) {
  if (!named.empty()) return named;
  if (!local.is_unspecified()) {
    if (auto name = os::interface_holding(local)) return std::move(*name);
  }
  NETOBS_TRY(names, os::interfaces_up());
  std::erase(names, "lo");
  if (names.size() == 1) return names.front();
  return fail({.what = "choose the interface that XDP receives on",
               .sys_errno = 0,
               .cause = names.empty()
                            ? "None is up."
                            : fmt::format("{} are up, and it takes one.", fmt::join(names, ", ")),
               .remedy = "Name it with --interface.",
               .exit = ExitCode::usage});
}

std::vector<Endpoint> receiving_addresses(const Endpoint& local) {
  auto addresses = local.is_unspecified() ? os::local_addresses() : std::vector{local};
  for (auto& address : addresses) {
    address.port = 0;
    address.scope_id = 0;
  }
  return addresses;
}

}  // namespace netobs
