#include "linux/lab/cabled_loop.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "linux/lab/commands.hpp"
#include "linux/lab/veth_lab.hpp"
#include "linux/os/interface.hpp"

namespace netobs::lab {
namespace {

Result<void> check_free(const std::string& interface) {
  NETOBS_TRY(facts, os::interface_facts(interface));
  if (facts.loopback) {
    return fail({.what = "take " + interface + " for a self-test",
                 .cause = "It is loopback: nothing can be cabled to it.",
                 .remedy = "Name two interfaces that are joined outside.",
                 .exit = ExitCode::usage});
  }
  if (facts.enslaved) {
    return fail({.what = "take " + interface + " for a self-test",
                 .cause = "It is a port of a bridge or a bond, and would not be one afterwards.",
                 .remedy = fmt::format("Name an interface that is not in use, or free it: ip link "
                                       "set {} nomaster",
                                       interface),
                 .exit = ExitCode::usage});
  }
  NETOBS_TRY(addressed, os::has_address(interface));
  if (addressed) {
    return fail({.what = "take " + interface + " for a self-test",
                 .cause = "It carries an address: something may depend on it.",
                 .remedy = fmt::format("Name an interface that is not in use, or free it: ip "
                                       "address flush dev {}",
                                       interface),
                 .exit = ExitCode::usage});
  }
  return {};
}

Result<bool> is_up(const std::string& interface) {
  NETOBS_TRY(up, os::interfaces_up());
  return std::ranges::find(up, interface) != up.end();
}

}  // namespace

Result<CabledLoop> CabledLoop::take(const std::string& sender, const std::string& reflector) {
  NETOBS_TRY_VOID(check_free(sender));
  NETOBS_TRY_VOID(check_free(reflector));
  NETOBS_TRY(home, os::NetworkNamespace::current());
  NETOBS_TRY(sender_space, os::NetworkNamespace::create());
  NETOBS_TRY(reflector_space, os::NetworkNamespace::create());
  NETOBS_TRY(sender_up, is_up(sender));
  NETOBS_TRY(reflector_up, is_up(reflector));
  CabledLoop loop(std::move(home), End{sender, std::move(sender_space), sender_up},
                  End{reflector, std::move(reflector_space), reflector_up});
  NETOBS_TRY_VOID(loop.move_out(loop.sender_, 1));
  NETOBS_TRY_VOID(loop.move_out(loop.reflector_, 2));
  return loop;
}

CabledLoop::CabledLoop(CabledLoop&& other) noexcept
    : home_(std::move(other.home_)),
      sender_(std::move(other.sender_)),
      reflector_(std::move(other.reflector_)) {
  other.sender_.moved = false;
  other.reflector_.moved = false;
}

CabledLoop::~CabledLoop() {
  if (sender_.moved) give_back(sender_);
  if (reflector_.moved) give_back(reflector_);
}

Result<void> CabledLoop::move_out(End& end, unsigned number) {
  NETOBS_TRY_VOID(
      ip_batch(fmt::format("link set {} netns {}\n", end.interface, namespace_path(end.space))));
  end.moved = true;
  return give_addresses(end.space, end.interface, number);
}

void CabledLoop::give_back(const End& end) const {
  // Taking it down and moving it drops the lab's addresses.
  (void)ip_batch_in(end.space, fmt::format("addr flush dev {0}\nlink set {0} down\n"
                                           "link set {0} netns {1}\n",
                                           end.interface, namespace_path(home_)));
  if (end.was_up) (void)ip_batch_in(home_, fmt::format("link set {} up\n", end.interface));
}

}  // namespace netobs::lab
