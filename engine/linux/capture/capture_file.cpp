#include "linux/capture/capture_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "core/base/check.hpp"

namespace netobs {
namespace {

constexpr std::size_t buffer_bytes = 256U << 10U;
constexpr mode_t usual_mode = 0666;  // less the umask

Error file_error(const char* what, const std::string& path, int code) {
  Error error{
      .what = fmt::format("{} {}", what, path), .sys_errno = code, .cause = "", .remedy = ""};
  if (code == ENOSPC || code == EDQUOT) {
    error.remedy = "Make room, or bound the files' size and number.";
  }
  if (code == ENOENT) error.remedy = "Make its folder.";
  if (code == ENXIO) error.remedy = "Nothing reads this pipe: start what does first.";
  if (code == EACCES || code == EROFS)
    error.remedy = "Name a file in a folder that may be written to.";
  return error;
}

}  // namespace

Result<CaptureFile> CaptureFile::open(CaptureFileSettings settings) {
  NETOBS_CHECK(!settings.interfaces.empty(), "{}", settings.path);
  CaptureFile file(std::move(settings));
  file.buffer_.reserve(buffer_bytes);
  NETOBS_TRY_VOID(file.begin_file());
  // So that a file that cannot be written to is an error now.
  NETOBS_TRY_VOID(file.flush());
  return file;
}

CaptureFile::CaptureFile(CaptureFile&& other) noexcept = default;

CaptureFile::~CaptureFile() {
  if (fd_) (void)finish();
}

std::string CaptureFile::numbered_path() const {
  const auto& path = settings_.path;
  if (file_number_ == 1) return path;
  const auto slash = path.rfind('/');
  const auto name = slash == std::string::npos ? 0 : slash + 1;
  const auto dot = path.rfind('.');
  // A dot in front of the name hides it and begins no extension.
  const auto end = dot == std::string::npos || dot <= name ? path.size() : dot;
  return fmt::format("{}_{:05}{}", path.substr(0, end), file_number_, path.substr(end));
}

/// The file that was named may be a link or a pipe; a numbered one is always made anew, so that
/// nothing is written through a link that somebody put there.
Result<void> CaptureFile::begin_file() {
  ++file_number_;
  const auto path = numbered_path();
  // A pipe that nobody reads is an error, and no wait without an end.
  int flags = O_WRONLY | O_CREAT | O_CLOEXEC | O_TRUNC | O_NONBLOCK;
  if (file_number_ > 1) {
    flags |= O_EXCL;
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
      return give_up(file_error("replace", path, errno));
    }
  }
  fd_ = os::Fd(::open(path.c_str(), flags, usual_mode));
  if (!fd_ || ::fcntl(fd_.get(), F_SETFL, 0) != 0) {
    return give_up(file_error("write", path, errno));
  }
  files_.push_back(path);
  remove_oldest();
  file_bytes_ = 0;
  file_packets_ = 0;
  append_section(buffer_, settings_.section);
  for (const auto& of : settings_.interfaces) append_interface(buffer_, of);
  return {};
}

void CaptureFile::remove_oldest() {
  while (settings_.most_files > 0 && files_.size() > settings_.most_files) {
    (void)::unlink(files_.front().c_str());  // somebody else may have
    files_.pop_front();
    ++removed_files_;
  }
}

Result<void> CaptureFile::end_file() {
  for (const auto& [interface_id, statistics] : statistics_) {
    append_statistics(buffer_, interface_id, statistics);
  }
  NETOBS_TRY_VOID(flush());
  fd_.reset();
  return {};
}

Result<void> CaptureFile::write(const capture::pcapng::Packet& packet) {
  if (given_up_) {
    ++not_written_;
    return {};
  }
  NETOBS_CHECK(!finished_ && packet.interface_id < settings_.interfaces.size(), "interface {}",
               packet.interface_id);
  block_.clear();
  append_packet(block_, packet);
  const auto size = file_bytes_ + buffer_.size() + block_.size() +
                    statistics_.size() * capture::pcapng::longest_statistics;
  if (settings_.most_bytes > 0 && size > settings_.most_bytes && file_packets_ > 0) {
    auto turned = end_file();
    if (turned) turned = begin_file();
    if (!turned) {
      ++not_written_;
      return turned;
    }
  }
  buffer_.insert(buffer_.end(), block_.begin(), block_.end());
  ++file_packets_;
  ++buffered_packets_;
  ++written_;
  if (buffer_.size() >= buffer_bytes) return flush();
  return {};
}

void CaptureFile::set_statistics(std::uint32_t interface_id,
                                 const capture::pcapng::Statistics& statistics) {
  NETOBS_CHECK(interface_id < settings_.interfaces.size(), "interface {}", interface_id);
  const auto known = std::ranges::find(statistics_, interface_id, &NamedStatistics::interface_id);
  if (known != statistics_.end()) {
    known->statistics = statistics;
  } else {
    statistics_.push_back({interface_id, statistics});
  }
}

Result<void> CaptureFile::flush() {
  if (given_up_) return {};
  std::span<const std::byte> left(buffer_);
  while (!left.empty()) {
    const auto count = ::write(fd_.get(), left.data(), left.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return give_up(file_error("write", files_.back(), count < 0 ? errno : EIO));
    left = left.subspan(static_cast<std::size_t>(count));
  }
  file_bytes_ += buffer_.size();
  buffer_.clear();
  buffered_packets_ = 0;
  return {};
}

/// Cuts off what a full disk took of a block, so that the file ends with a whole one.
Result<void> CaptureFile::give_up(Error error) {
  given_up_ = true;
  // A pipe cannot be cut, and its reader has what it has.
  if (fd_ && ::ftruncate(fd_.get(), static_cast<off_t>(file_bytes_)) != 0) errno = 0;
  fd_.reset();
  written_ -= buffered_packets_;
  not_written_ += std::exchange(buffered_packets_, 0);
  buffer_.clear();
  return fail(std::move(error));
}

Result<void> CaptureFile::finish() {
  if (std::exchange(finished_, true) || given_up_) return {};
  return end_file();
}

}  // namespace netobs
