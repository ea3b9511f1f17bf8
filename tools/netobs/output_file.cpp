#include "output_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <utility>

namespace netobs::cli {
namespace {

constexpr std::size_t buffer_bytes = 64U << 10U;
constexpr mode_t usual_mode = 0666;  // less the umask

}  // namespace

Result<OutputFile> OutputFile::open(const std::string& path, bool force) {
  OutputFile file(path, force);
  (void)std::signal(SIGPIPE, SIG_IGN);
  if (path == "-") {
    file.path_ = "standard output";
    file.fd_ = os::Fd(::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3));
    if (!file.fd_) return fail(file.error());
    return file;
  }
  struct stat status{};
  const bool there = ::stat(path.c_str(), &status) == 0;
  if (there && !S_ISREG(status.st_mode)) {
    NETOBS_TRY_VOID(file.open_in_place(O_WRONLY | O_CLOEXEC));
    return file;
  }
  if (there && !force) return fail(file.exists());
  if (there) {
    // Through a link the file itself is replaced, not the link.
    std::array<char, PATH_MAX> real{};
    if (::realpath(path.c_str(), real.data()) == nullptr) return fail(file.error());
    file.path_ = real.data();
  }
  NETOBS_TRY_VOID(file.open_beside());
  return file;
}

Result<void> OutputFile::open_in_place(int flags) {
  fd_ = os::Fd(::open(path_.c_str(), flags));
  if (!fd_) return fail(error());
  return {};
}

Result<void> OutputFile::open_beside() {
  NETOBS_TRY(signals, Signals::block());
  signals_ = std::move(signals);
  const auto name = fmt::format("{}.{}.partial", path_, ::getpid());
  fd_ = os::Fd(::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, usual_mode));
  if (!fd_) return fail(error());
  temporary_ = name;
  return {};
}

OutputFile::OutputFile(OutputFile&& other) noexcept
    : path_(std::move(other.path_)),
      force_(other.force_),
      temporary_(std::exchange(other.temporary_, {})),
      fd_(std::move(other.fd_)),
      buffer_(std::move(other.buffer_)),
      reader_left_(other.reader_left_),
      signals_(std::move(other.signals_)) {}

OutputFile::~OutputFile() {
  if (!temporary_.empty()) (void)::unlink(temporary_.c_str());
}

Error OutputFile::error() const {
  return {.what = "write " + path_, .sys_errno = errno, .cause = "", .remedy = ""};
}

Error OutputFile::exists() const {
  return {.what = "write " + path_,
          .cause = "The file exists.",
          .remedy = "Give another name, or --force to replace it.",
          .exit = ExitCode::usage};
}

Result<void> OutputFile::write(std::string_view text) {
  if (signals_ && signals_->wait(0)) {
    return fail({.what = "write " + path_,
                 .cause = "A signal interrupted it; nothing was left behind.",
                 .remedy = ""});
  }
  buffer_ += text;
  return buffer_.size() < buffer_bytes ? Result<void>{} : flush();
}

Result<void> OutputFile::flush() {
  std::string_view rest = buffer_;
  while (!rest.empty()) {
    const auto written = ::write(fd_.get(), rest.data(), rest.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      reader_left_ = errno == EPIPE;
      return fail(error());
    }
    rest.remove_prefix(static_cast<std::size_t>(written));
  }
  buffer_.clear();
  return {};
}

Result<void> OutputFile::commit() {
  NETOBS_TRY_VOID(flush());
  if (temporary_.empty()) return {};
  // A disk that is full may say so only now; and a name that outlives a crash before the bytes do
  // would look whole.
  if (::fsync(fd_.get()) != 0) return fail(error());
  return move_into_place();
}

Result<void> OutputFile::move_into_place() {
  int status = -1;
  if (!force_) {
    status = ::renameat2(AT_FDCWD, temporary_.c_str(), AT_FDCWD, path_.c_str(), RENAME_NOREPLACE);
    if (status != 0 && errno == EEXIST) return fail(exists());
  }
  // Some file systems know only the plain call.
  const bool plain = force_ || (status != 0 && (errno == EINVAL || errno == ENOSYS));
  if (plain) status = ::rename(temporary_.c_str(), path_.c_str());
  if (status != 0) return fail(error());
  temporary_.clear();
  return {};
}

}  // namespace netobs::cli
