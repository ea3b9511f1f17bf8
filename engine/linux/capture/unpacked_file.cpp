#include "linux/capture/unpacked_file.hpp"

#include <archive.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <span>
#include <string_view>
#include <utility>

#include "linux/os/fd.hpp"

namespace netobs {
namespace {

constexpr std::size_t read_bytes = 1 << 20;

struct FreeArchive {
  void operator()(archive* reader) const { ::archive_read_free(reader); }
};
using Archive = std::unique_ptr<archive, FreeArchive>;

using Support = int (*)(archive*);
constexpr std::array<Support, 5> filters{
    ::archive_read_support_filter_gzip, ::archive_read_support_filter_zstd,
    ::archive_read_support_filter_xz, ::archive_read_support_filter_bzip2,
    ::archive_read_support_filter_lz4};

Error unreadable(const std::string& path, int code) {
  Error error{.what = fmt::format("open {}", path), .sys_errno = code, .cause = "", .remedy = ""};
  if (code == ENOENT) error.remedy = "Check the name.";
  if (code == EACCES) error.remedy = "Its owner, or root, can read it.";
  if (code == EISDIR) error.remedy = "Name a file in it.";
  return error;
}

Error archive_error(const std::string& path, archive* reader) {
  const char* why = ::archive_error_string(reader);
  return {.what = fmt::format("read {}", path),
          .sys_errno = 0,
          .cause = fmt::format("It cannot be read or decompressed: {}.",
                               why != nullptr ? why : "no reason"),
          .remedy = "Copy it again, or decompress it by hand."};
}

/// Filters that the library would need a program for are an error: what a file contains must not
/// start one.
Result<Archive> make_reader(const std::string& path) {
  Archive reader(::archive_read_new());
  if (!reader) {
    return fail(
        {.what = fmt::format("open {}", path), .sys_errno = ENOMEM, .cause = "", .remedy = ""});
  }
  for (const auto support : filters) {
    if (support(reader.get()) == ARCHIVE_OK) continue;
    return fail({.what = fmt::format("open {}", path),
                 .sys_errno = 0,
                 .cause = "This machine's libarchive was built without one of the decompressors.",
                 .remedy = "Install the distribution's libarchive."});
  }
  ::archive_read_support_format_raw(reader.get());
  ::archive_read_support_format_empty(reader.get());
  return reader;
}

}  // namespace

struct UnpackedFile::State {
  os::Fd owned;  // not for standard input
  Archive reader;
  std::optional<std::uint64_t> file_size;
  std::span<const char> block;  // not handed out yet; the library's
  bool ended = false;
  bool text = false;
  std::string failure;

  /// Octets into `block`, unless there are none any more.
  void next_block();
};

void UnpackedFile::State::next_block() {
  while (block.empty() && !ended) {
    const void* data = nullptr;
    std::size_t size = 0;
    la_int64_t offset = 0;
    const int status = ::archive_read_data_block(reader.get(), &data, &size, &offset);
    if (status == ARCHIVE_OK || status == ARCHIVE_WARN) {
      block = {static_cast<const char*>(data), size};
    } else if (status != ARCHIVE_RETRY) {
      ended = true;
      if (status == ARCHIVE_EOF) return;
      const char* why = ::archive_error_string(reader.get());
      failure = why != nullptr ? why : "unknown error";
    }
  }
}

UnpackedFile::UnpackedFile(std::unique_ptr<State> state) : state_(std::move(state)) {}
UnpackedFile::~UnpackedFile() = default;

Result<std::unique_ptr<UnpackedFile>> UnpackedFile::open(const std::string& path) {
  const std::string label = path == "-" ? "standard input" : path;
  auto state = std::make_unique<State>();
  int fd = STDIN_FILENO;
  if (path != "-") {
    state->owned = os::Fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    fd = state->owned.get();
    if (fd < 0) return fail(unreadable(label, errno));
  }
  struct stat facts{};
  if (::fstat(fd, &facts) != 0) return fail(unreadable(label, errno));
  if (S_ISDIR(facts.st_mode)) return fail(unreadable(label, EISDIR));
  if (S_ISREG(facts.st_mode)) state->file_size = static_cast<std::uint64_t>(facts.st_size);
  NETOBS_TRY(reader, make_reader(label));
  state->reader = std::move(reader);
  archive_entry* entry = nullptr;
  int status = ::archive_read_open_fd(state->reader.get(), fd, read_bytes);
  if (status == ARCHIVE_OK) status = ::archive_read_next_header(state->reader.get(), &entry);
  state->ended = status == ARCHIVE_EOF;  // an empty file has no header
  if (status < ARCHIVE_WARN) return fail(archive_error(label, state->reader.get()));
  state->next_block();
  if (!state->failure.empty()) return fail(archive_error(label, state->reader.get()));
  if (state->block.empty()) {
    return fail({.what = fmt::format("read {}", label),
                 .sys_errno = 0,
                 .cause = "It is empty.",
                 .remedy = "See whether what wrote it has ended, and why."});
  }
  constexpr std::size_t enough = 64;
  const auto printable = [](char c) { return (c >= ' ' && c <= '~') || (c >= '\t' && c <= '\r'); };
  state->text =
      std::ranges::all_of(state->block.first(std::min(enough, state->block.size())), printable);
  return std::unique_ptr<UnpackedFile>(new UnpackedFile(std::move(state)));
}

std::size_t UnpackedFile::read(std::span<char> out) {
  auto& block = state_->block;
  state_->next_block();
  const auto count = std::min(out.size(), block.size());
  std::memcpy(out.data(), block.data(), count);
  block = block.subspan(count);
  return count;
}

std::uint64_t UnpackedFile::bytes_read() const {
  constexpr int outermost = -1;
  const auto bytes = ::archive_filter_bytes(state_->reader.get(), outermost);
  return bytes > 0 ? static_cast<std::uint64_t>(bytes) : 0;
}

std::optional<std::uint64_t> UnpackedFile::file_size() const {
  return state_->file_size;
}

std::string UnpackedFile::compression() const {
  if (::archive_filter_code(state_->reader.get(), 0) == ARCHIVE_FILTER_NONE) return {};
  const char* name = ::archive_filter_name(state_->reader.get(), 0);
  return name != nullptr ? name : "";
}

const std::string& UnpackedFile::failure() const {
  return state_->failure;
}
bool UnpackedFile::looks_like_text() const {
  return state_->text;
}

}  // namespace netobs
