#include "linux/conditions/tcp_connections.hpp"

#include <cerrno>
#include <fstream>
#include <string>

#include "core/conditions/tcp_table.hpp"

namespace netobs::conditions {

Result<std::uint64_t> tcp_connections_to(const Endpoint& remote) {
  const std::string path =
      remote.is_v4() ? "/proc/thread-self/net/tcp" : "/proc/thread-self/net/tcp6";
  std::ifstream file(path);
  if (!file) {
    return fail({.what = "read " + path,
                 .sys_errno = errno,
                 .cause = "It says whether iperf3 is connected.",
                 .remedy = "Mount /proc."});
  }
  std::uint64_t count = 0;
  // Line by line: a busy host has a long table.
  for (std::string line; std::getline(file, line);) count += established_in(line, remote);
  return count;
}

}  // namespace netobs::conditions
