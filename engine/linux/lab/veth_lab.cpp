#include "linux/lab/veth_lab.hpp"

#include <fmt/format.h>

#include <utility>

#include "linux/lab/commands.hpp"

namespace netobs::lab {

Result<VethLab> VethLab::create() {
  NETOBS_TRY(sender, os::NetworkNamespace::create());
  NETOBS_TRY(reflector, os::NetworkNamespace::create());
  // The peer is born in the other namespace; ip knows it by our descriptor's path.
  NETOBS_TRY_VOID(ip_batch_in(
      sender, fmt::format("link add {0} type veth peer name {1}\n"
                          "link set {1} netns {2}\n",
                          sender_interface, reflector_interface, namespace_path(reflector))));
  NETOBS_TRY_VOID(give_addresses(sender, sender_interface, 1));
  NETOBS_TRY_VOID(give_addresses(reflector, reflector_interface, 2));
  return VethLab(std::move(sender), std::move(reflector));
}

Result<void> give_addresses(const os::NetworkNamespace& host, std::string_view interface,
                            unsigned number) {
  return ip_batch_in(host, fmt::format("link set lo up\n"
                                       "addr add 198.18.0.{1}/30 dev {0}\n"
                                       "addr add fd00:6e6f::{1}/64 dev {0} nodad\n"
                                       "link set {0} up\n",
                                       interface, number));
}

}  // namespace netobs::lab
