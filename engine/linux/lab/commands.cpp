#include "linux/lab/commands.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include "linux/os/subprocess.hpp"

namespace netobs::lab {

Result<void> ip_batch(const std::string& lines) {
  NETOBS_TRY(output, os::run_process({"ip", "-batch", "-"}, lines));
  if (output.exit_status != 0) {
    return fail({.what = "set up the test network with ip: " + output.text,
                 .sys_errno = 0,
                 .cause = "It needs CAP_NET_ADMIN and a kernel with the kinds of link asked for.",
                 .remedy = "Run it with sudo."});
  }
  return {};
}

Result<void> ip_batch_in(const os::NetworkNamespace& where, const std::string& lines) {
  NETOBS_TRY(scope, os::NamespaceScope::enter(where));
  (void)scope;
  return ip_batch(lines);
}

Result<void> tc_in(const os::NetworkNamespace& where, const std::vector<std::string>& arguments) {
  NETOBS_TRY(scope, os::NamespaceScope::enter(where));
  (void)scope;
  std::vector<std::string> words{"tc"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  NETOBS_TRY(output, os::run_process(words, ""));
  if (output.exit_status != 0) {
    return fail({.what = fmt::format("{}: {}", fmt::join(words, " "), output.text),
                 .sys_errno = 0,
                 .cause = "This kernel may lack that queueing discipline, filter or action.",
                 .remedy = ""});
  }
  return {};
}

std::string namespace_path(const os::NetworkNamespace& space) {
  return fmt::format("/proc/{}/fd/{}", ::getpid(), space.fd());
}

}  // namespace netobs::lab
