#include "linux/os/veth_lab.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <utility>

#include "linux/os/subprocess.hpp"

namespace netobs::os {
namespace {

Result<void> ip_batch(const std::string& commands) {
  NETOBS_TRY(output, run_process({"ip", "-batch", "-"}, commands));
  if (output.exit_status != 0) {
    return fail({.what = "set up the test network with ip: " + output.text,
                 .sys_errno = 0,
                 .cause = "It needs CAP_NET_ADMIN and a kernel with veth.",
                 .remedy = "Run it with sudo."});
  }
  return {};
}

}  // namespace

Result<VethLab> VethLab::create() {
  NETOBS_TRY(sender, NetworkNamespace::create());
  NETOBS_TRY(reflector, NetworkNamespace::create());
  {
    NETOBS_TRY(scope, NamespaceScope::enter(sender));
    (void)scope;
    // The peer is born in the other namespace; ip knows it by our descriptor's path.
    const std::string target = fmt::format("/proc/{}/fd/{}", ::getpid(), reflector.fd());
    NETOBS_TRY_VOID(ip_batch(fmt::format(
        "link set lo up\n"
        "link add {0} type veth peer name {1}\n"
        "link set {1} netns {2}\n"
        "addr add 198.18.0.1/30 dev {0}\naddr add fd00:6e6f::1/64 dev {0} nodad\nlink set {0} up\n",
        sender_interface, reflector_interface, target)));
  }
  NETOBS_TRY(scope, NamespaceScope::enter(reflector));
  (void)scope;
  NETOBS_TRY_VOID(ip_batch(fmt::format(
      "link set lo up\n"
      "addr add 198.18.0.2/30 dev {0}\naddr add fd00:6e6f::2/64 dev {0} nodad\nlink set {0} up\n",
      reflector_interface)));
  return VethLab(std::move(sender), std::move(reflector));
}

}  // namespace netobs::os
