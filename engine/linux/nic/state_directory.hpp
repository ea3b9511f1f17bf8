#pragma once
// Files by which processes that change NICs know of each other: a mutex, notes, and locks that
// vanish with their holder, however it ends.

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "linux/os/fd.hpp"

namespace netobs::nic {

/// A folder that belongs to root or to this user, and that no other may write to. Names of files
/// are the caller's own, without a slash.
class StateDirectory {
 public:
  /// Makes it (mode 0755) when it is missing and `create` is set. Errors: no permission, a link,
  /// not a folder, somebody else's; ENOENT without `create`.
  [[nodiscard]] static Result<StateDirectory> open(const std::string& path, bool create);

  /// The mutex of this folder, held until the descriptor closes. Waits for at most 30 s.
  [[nodiscard]] Result<os::Fd> lock() const;
  /// An open file to lock, made when it is missing. Only while lock() is held.
  [[nodiscard]] Result<os::Fd> open_lock_file(const std::string& name) const;
  /// nullopt: there is none. Errors: not a plain file of the folder's owner or ours, or longer than
  /// `most_bytes`.
  [[nodiscard]] Result<std::optional<std::string>> read(const std::string& name,
                                                        std::size_t most_bytes) const;
  /// Complete and on the disk when it returns, or an error and what was there before.
  [[nodiscard]] Result<void> write(const std::string& name, const std::string& text) const;
  /// As far as it is there.
  void remove(const std::string& name) const;
  /// At most `most` names of files that begin with `prefix` and end with `suffix`.
  [[nodiscard]] std::vector<std::string> names(const std::string& prefix, const std::string& suffix,
                                               std::size_t most) const;

 private:
  StateDirectory(os::Fd folder, std::string path)
      : folder_(std::move(folder)), path_(std::move(path)) {}
  [[nodiscard]] std::unexpected<Error> failed(const std::string& doing, const std::string& name,
                                              int error) const;
  os::Fd folder_;
  std::string path_;
};

/// Shared: waits for the end of an exclusive lock, which is never held for long.
[[nodiscard]] bool lock_shared(const os::Fd& file);
/// False: somebody else holds it. A shared lock of ours is given up either way.
[[nodiscard]] bool try_lock_alone(const os::Fd& file);

}  // namespace netobs::nic
