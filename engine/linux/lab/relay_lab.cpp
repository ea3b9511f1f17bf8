#include "linux/lab/relay_lab.hpp"

#include <fmt/format.h>

#include <utility>

#include "linux/lab/commands.hpp"
#include "linux/lab/veth_lab.hpp"
#include "linux/os/interface.hpp"

namespace netobs::lab {
namespace {

Result<void> add_pair(const os::NetworkNamespace& host, const char* host_end,
                      const os::NetworkNamespace& middle, const char* middle_end, unsigned number) {
  NETOBS_TRY_VOID(ip_batch_in(
      host, fmt::format("link add {0} type veth peer name {1}\nlink set {1} netns {2}\n", host_end,
                        middle_end, namespace_path(middle))));
  NETOBS_TRY_VOID(give_addresses(host, host_end, number));
  NETOBS_TRY_VOID(ip_batch_in(middle, fmt::format("link set {} up\n", middle_end)));
  NETOBS_TRY(scope, os::NamespaceScope::enter(host));
  (void)scope;
  // A veth leaves checksums to a NIC that is not there; a relay passes frames on as they are.
  return os::switch_off_tx_checksumming(host_end);
}

}  // namespace

Result<RelayLab> RelayLab::create() {
  NETOBS_TRY(sender, os::NetworkNamespace::create());
  NETOBS_TRY(middle, os::NetworkNamespace::create());
  NETOBS_TRY(reflector, os::NetworkNamespace::create());
  NETOBS_TRY_VOID(add_pair(sender, VethLab::sender_interface, middle, towards_sender, 1));
  NETOBS_TRY_VOID(add_pair(reflector, VethLab::reflector_interface, middle, towards_reflector, 2));
  return RelayLab(std::move(sender), std::move(middle), std::move(reflector));
}

}  // namespace netobs::lab
