#include "linux/nic/ptp_users.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <net/if.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <fstream>
#include <functional>
#include <memory>

#include "linux/nic/ptp_evidence.hpp"
#include "linux/os/fd.hpp"

namespace netobs::nic {
namespace {

constexpr std::size_t most_file_bytes = 64U << 10U;
constexpr std::size_t most_files_of_folder = 64;
constexpr std::size_t most_processes = 65536;
constexpr std::size_t most_descriptors = 4096;  // of one process
constexpr std::size_t most_sockets = 64;
constexpr std::size_t most_socket_lines = 1U << 20U;

struct CloseFolder {
  void operator()(DIR* folder) const { ::closedir(folder); }
};

void for_each_entry(const std::string& path, std::size_t most,
                    const std::function<void(std::string_view)>& visit) {
  const std::unique_ptr<DIR, CloseFolder> folder(::opendir(path.c_str()));
  if (!folder) return;
  for (std::size_t i = 0; i < most; ++i) {
    const dirent* entry = ::readdir(folder.get());
    if (entry == nullptr) return;
    visit(entry->d_name);
  }
}

/// The beginning of a plain file. Not of a pipe or a device that somebody put in its place.
std::string beginning_of(const std::string& path) {
  const os::Fd file(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  struct stat status{};
  if (!file || ::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode)) return {};
  std::string text(most_file_bytes, '\0');
  std::size_t filled = 0;
  while (filled < text.size()) {
    const auto size = ::read(file.get(), text.data() + filled, text.size() - filled);
    if (size <= 0) break;
    filled += static_cast<std::size_t>(size);
  }
  text.resize(filled);
  return text;
}

/// A file, or the *.conf files of a folder.
std::string configuration_at(const std::string& path) {
  std::string text = beginning_of(path);
  for_each_entry(path, most_files_of_folder, [&](std::string_view name) {
    if (name.ends_with(".conf")) text += "\n" + beginning_of(fmt::format("{}/{}", path, name));
  });
  return text;
}

std::string process_name(int pid) {
  auto name = beginning_of(fmt::format("/proc/{}/comm", pid));
  if (name.ends_with('\n')) name.pop_back();
  // Anybody may call a process anything, and it ends up on a terminal.
  std::ranges::replace_if(name, [](char one) { return one < ' ' || one > '~'; }, '?');
  return name;
}

ProcessText text_of(int pid, const PtpProgram& program) {
  ProcessText text;
  const auto line = beginning_of(fmt::format("/proc/{}/cmdline", pid));
  for (std::size_t at = 0; at < line.size();) {
    const auto end = std::min(line.find('\0', at), line.size());
    text.arguments.push_back(line.substr(at, end - at));
    at = end + 1;
  }
  // A container's process has files of its own.
  const auto root = fmt::format("/proc/{}/root", pid);
  const auto named = named_configuration(text.arguments);
  if (!named.empty()) {
    text.configuration = configuration_at(root + (named.starts_with('/') ? "" : "/") + named);
    return text;
  }
  for (const auto path : program.configurations) {
    text.configuration += configuration_at(root + std::string(path)) + "\n";
  }
  return text;
}

bool in_namespace(int pid, ino_t own) {
  struct stat status{};
  if (::stat(fmt::format("/proc/{}/ns/net", pid).c_str(), &status) == 0) {
    return status.st_ino == own;
  }
  // What is hidden is counted as here: a change may wait, somebody's clock may not. What has none
  // is dead.
  return errno == EACCES || errno == EPERM;
}

std::vector<int> processes_here() {
  struct stat own{};
  if (::stat("/proc/thread-self/ns/net", &own) != 0) return {};
  std::vector<int> pids;
  for_each_entry("/proc", most_processes, [&](std::string_view name) {
    int pid = 0;
    const auto [end, code] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (code == std::errc{} && end == name.data() + name.size() && in_namespace(pid, own.st_ino)) {
      pids.push_back(pid);
    }
  });
  return pids;
}

std::vector<std::string> event_sockets() {
  std::vector<std::string> links;
  for (const char* table : {"/proc/thread-self/net/udp", "/proc/thread-self/net/udp6"}) {
    std::ifstream file(table);
    std::string line;
    for (std::size_t i = 0; i < most_socket_lines && std::getline(file, line); ++i) {
      const auto inode = ptp_event_socket(line);
      if (inode && links.size() < most_sockets) links.push_back(fmt::format("socket:[{}]", *inode));
    }
  }
  return links;
}

/// Which of the sockets a process has open.
std::vector<std::string> held_by(int pid, const std::vector<std::string>& sockets) {
  std::vector<std::string> held;
  const auto folder = fmt::format("/proc/{}/fd", pid);
  for_each_entry(folder, most_descriptors, [&](std::string_view name) {
    std::array<char, 64> target{};
    const auto path = fmt::format("{}/{}", folder, name);
    const auto size = ::readlink(path.c_str(), target.data(), target.size());
    if (size <= 0) return;
    const std::string_view link(target.data(), static_cast<std::size_t>(size));
    if (std::ranges::find(sockets, link) != sockets.end()) held.emplace_back(link);
  });
  return held;
}

}  // namespace

std::vector<PtpUser> ptp_users(const std::string& interface) {
  const auto own_name = process_name(::getpid());
  const auto is_interface = [](std::string_view word) {
    return word.size() < IFNAMSIZ && ::if_nametoindex(std::string(word).c_str()) != 0;
  };
  auto sockets = event_sockets();
  std::vector<PtpUser> users;
  for (const int pid : processes_here()) {
    const auto name = process_name(pid);
    const PtpProgram* program = ptp_program(name);
    if (program != nullptr) {
      const auto text = text_of(pid, *program);
      // Without arguments, it is dead and waits for its parent.
      if (!text.arguments.empty() && may_use(*program, text, interface, is_interface)) {
        users.push_back({.program = name,
                         .pid = pid,
                         .what = std::string(program->what),
                         .needs_setting = program->needs_setting});
      }
    }
    if (sockets.empty()) continue;
    const auto held = held_by(pid, sockets);
    if (held.empty()) continue;
    std::erase_if(sockets, [&](const auto& one) { return std::ranges::count(held, one) != 0; });
    if (program != nullptr || pid == ::getpid() || name == own_name) continue;
    users.push_back({.program = name, .pid = pid, .what = "has UDP port 319 (PTP events) open"});
  }
  if (!sockets.empty()) {
    users.push_back({.program = "unknown", .what = "has UDP port 319 (PTP events) open"});
  }
  return users;
}

}  // namespace netobs::nic
