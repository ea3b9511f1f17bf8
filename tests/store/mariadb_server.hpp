#pragma once
// A MariaDB server of our own: private data folder, Unix socket, no network unless asked for. Ends
// with the object. Used by the tests and by bench/store_bench.cpp.

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

extern char** environ;

namespace netobs::store {

class MariadbServer {
 public:
  /// Empty when the server's programs are installed, else what is missing.
  static std::string missing() {
    if (find("mariadbd").empty()) return "mariadbd is not installed (Debian: mariadb-server)";
    if (find("mariadb-install-db").empty()) return "mariadb-install-db is not installed";
    return {};
  }

  /// nullptr when the server does not come up; its log is then on stderr.
  static std::unique_ptr<MariadbServer> make(std::vector<std::string> more_options = {}) {
    std::unique_ptr<MariadbServer> server(new MariadbServer(std::move(more_options)));
    return server->install() && server->start() ? std::move(server) : nullptr;
  }
  ~MariadbServer() {
    kill();
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  MariadbServer(const MariadbServer&) = delete;
  MariadbServer& operator=(const MariadbServer&) = delete;

  [[nodiscard]] std::string socket() const { return folder_ + "/socket"; }
  [[nodiscard]] std::string url(const std::string& database) const {
    return fmt::format("mysql://root@localhost/{}?socket={}", database, socket());
  }

  /// As a crash would: SIGKILL, nothing is written any more.
  void kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }

  /// Starts it (again) on the same data; waits until it accepts connections, at most a minute.
  bool start() {
    std::vector<std::string> arguments{find("mariadbd"),       "--no-defaults",
                                       "--user=root",          "--datadir=" + folder_ + "/data",
                                       "--socket=" + socket(), "--pid-file=" + folder_ + "/pid"};
    arguments.insert(arguments.end(), options_.begin(), options_.end());
    pid_ = spawn(arguments);
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(1);
    while (pid_ > 0 && std::chrono::steady_clock::now() < deadline) {
      if (accepts()) return true;
      if (::waitpid(pid_, nullptr, WNOHANG) == pid_) {
        pid_ = -1;
      } else {
        ::poll(nullptr, 0, 20);
      }
    }
    show_log();
    return false;
  }

 private:
  explicit MariadbServer(std::vector<std::string> options) : options_(std::move(options)) {
    std::string pattern = std::filesystem::temp_directory_path() / "netobs-mariadb-XXXXXX";
    if (::mkdtemp(pattern.data()) != nullptr) folder_ = pattern;
  }

  static std::string find(const std::string& program) {
    for (const char* folder : {"/usr/sbin/", "/usr/bin/", "/usr/local/bin/"}) {
      if (::access((folder + program).c_str(), X_OK) == 0) return folder + program;
    }
    return {};
  }

  pid_t spawn(const std::vector<std::string>& arguments) const {
    std::vector<char*> raw;
    for (const auto& argument : arguments) raw.push_back(const_cast<char*>(argument.c_str()));
    raw.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, (folder_ + "/log").c_str(),
                                     O_WRONLY | O_CREAT | O_APPEND, 0600);
    posix_spawn_file_actions_adddup2(&actions, 1, 2);
    pid_t pid = -1;
    if (::posix_spawn(&pid, raw[0], &actions, nullptr, raw.data(), environ) != 0) pid = -1;
    posix_spawn_file_actions_destroy(&actions);
    return pid;
  }

  bool install() {
    if (folder_.empty()) return false;
    const pid_t pid = spawn({find("mariadb-install-db"), "--no-defaults", "--user=root",
                             "--datadir=" + folder_ + "/data",
                             "--auth-root-authentication-method=normal", "--skip-test-db"});
    int status = -1;
    const bool ok = pid > 0 && ::waitpid(pid, &status, 0) == pid && status == 0;
    if (!ok) show_log();
    return ok;
  }

  [[nodiscard]] bool accepts() const {
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, socket().c_str(), sizeof address.sun_path - 1);
    const bool ok = ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    ::close(fd);
    return ok;
  }

  void show_log() const {
    std::array<char, 4096> text{};
    const int fd = ::open((folder_ + "/log").c_str(), O_RDONLY | O_CLOEXEC);
    const auto size = fd < 0 ? 0 : ::lseek(fd, 0, SEEK_END);
    const auto got = fd < 0 ? 0
                            : ::pread(fd, text.data(), text.size(),
                                      size > static_cast<off_t>(text.size())
                                          ? size - static_cast<off_t>(text.size())
                                          : 0);
    if (got > 0) fmt::print(stderr, "{}", std::string(text.data(), static_cast<std::size_t>(got)));
    if (fd >= 0) ::close(fd);
  }

  std::vector<std::string> options_;
  std::string folder_;
  pid_t pid_ = -1;
};

}  // namespace netobs::store
