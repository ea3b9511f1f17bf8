#include "linux/nic/state_directory.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>
#include <chrono>
#include <memory>
#include <thread>

namespace netobs::nic {
namespace {

constexpr mode_t folder_mode = 0755;
constexpr mode_t file_mode = 0600;
constexpr const char* mutex_name = "nic.lock";
constexpr auto longest_wait = std::chrono::seconds(30);  // a driver may take the link down and up
constexpr auto look_again = std::chrono::milliseconds(20);

bool trusted(const struct stat& status) {
  return (status.st_uid == 0 || status.st_uid == ::geteuid()) &&
         (status.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

struct CloseFolder {
  void operator()(DIR* folder) const { ::closedir(folder); }
};

ssize_t read_all(int fd, std::string& text) {
  std::size_t filled = 0;
  while (filled < text.size()) {
    const auto size = ::read(fd, text.data() + filled, text.size() - filled);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return -1;
    if (size == 0) break;
    filled += static_cast<std::size_t>(size);
  }
  text.resize(filled);
  return static_cast<ssize_t>(filled);
}

bool write_all(int fd, const std::string& text) {
  std::size_t done = 0;
  while (done < text.size()) {
    const auto size = ::write(fd, text.data() + done, text.size() - done);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return false;
    done += static_cast<std::size_t>(size);
  }
  return ::fsync(fd) == 0;
}

}  // namespace

std::unexpected<Error> StateDirectory::failed(const std::string& doing, const std::string& name,
                                              int error) const {
  return fail({.what = fmt::format("{} {}/{}", doing, path_, name),
               .sys_errno = error,
               .cause = "What a NIC was set to before is kept there until it is restored.",
               .remedy = "Run with sudo, and let only root write there."});
}

Result<StateDirectory> StateDirectory::open(const std::string& path, bool create) {
  if (create && ::mkdir(path.c_str(), folder_mode) != 0 && errno != EEXIST) {
    return fail({.what = "make the folder " + path,
                 .sys_errno = errno,
                 .cause = "What a NIC was set to before is kept there until it is restored.",
                 .remedy = "Run with sudo, or have root make the folder for this user."});
  }
  os::Fd folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  struct stat status{};
  const bool opened = folder && ::fstat(folder.get(), &status) == 0;
  if (!opened || !trusted(status)) {
    return fail({.what = "use the folder " + path,
                 .sys_errno = opened ? EPERM : errno,
                 .cause = opened ? "Others may write to it, or it is somebody else's." : "",
                 .remedy = "Remove it, or make it root's own (chown root, chmod 755)."});
  }
  return StateDirectory(std::move(folder), path);
}

Result<os::Fd> StateDirectory::open_lock_file(const std::string& name) const {
  os::Fd file(
      ::openat(folder_.get(), name.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, file_mode));
  if (!file) return failed("open", name, errno);
  return file;
}

Result<os::Fd> StateDirectory::lock() const {
  NETOBS_TRY(file, open_lock_file(mutex_name));
  const auto deadline = std::chrono::steady_clock::now() + longest_wait;
  while (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EINTR && errno != EWOULDBLOCK) return failed("lock", mutex_name, errno);
    if (std::chrono::steady_clock::now() > deadline) return failed("lock", mutex_name, ETIMEDOUT);
    std::this_thread::sleep_for(look_again);
  }
  return std::move(file);
}

Result<std::optional<std::string>> StateDirectory::read(const std::string& name,
                                                        std::size_t most_bytes) const {
  // Not blocking: somebody may have put a pipe there.
  const os::Fd file(
      ::openat(folder_.get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!file && errno == ENOENT) return std::nullopt;
  struct stat status{};
  if (!file || ::fstat(file.get(), &status) != 0) return failed("read", name, errno);
  if (!S_ISREG(status.st_mode) || !trusted(status)) return failed("read", name, EPERM);
  std::string text(most_bytes + 1, '\0');
  if (read_all(file.get(), text) < 0) return failed("read", name, errno);
  if (text.size() > most_bytes) return failed("read", name, EFBIG);
  return text;
}

Result<void> StateDirectory::write(const std::string& name, const std::string& text) const {
  const std::string fresh = name + ".new";
  (void)::unlinkat(folder_.get(), fresh.c_str(), 0);  // a crash's
  const os::Fd file(::openat(folder_.get(), fresh.c_str(),
                             O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, file_mode));
  if (!file || !write_all(file.get(), text) ||
      ::renameat(folder_.get(), fresh.c_str(), folder_.get(), name.c_str()) != 0 ||
      ::fsync(folder_.get()) != 0) {
    return failed("write", name, errno);
  }
  return {};
}

void StateDirectory::remove(const std::string& name) const {
  (void)::unlinkat(folder_.get(), name.c_str(), 0);
}

std::vector<std::string> StateDirectory::names(const std::string& prefix, const std::string& suffix,
                                               std::size_t most) const {
  std::vector<std::string> found;
  // fdopendir(3) takes the descriptor, and its place in the folder with it.
  const int again = ::openat(folder_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const std::unique_ptr<DIR, CloseFolder> folder(again < 0 ? nullptr : ::fdopendir(again));
  if (!folder) return found;
  while (found.size() < most) {
    const dirent* entry = ::readdir(folder.get());
    if (entry == nullptr) break;
    const std::string_view name(entry->d_name);
    if (name.starts_with(prefix) && name.ends_with(suffix)) found.emplace_back(name);
  }
  return found;
}

bool lock_shared(const os::Fd& file) {
  while (::flock(file.get(), LOCK_SH) != 0) {
    if (errno != EINTR) return false;
  }
  return true;
}

bool try_lock_alone(const os::Fd& file) {
  return ::flock(file.get(), LOCK_EX | LOCK_NB) == 0;
}

}  // namespace netobs::nic
