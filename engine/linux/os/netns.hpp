#pragma once

#include <cstdint>
#include <string>

#include "core/base/result.hpp"
#include "linux/os/fd.hpp"

namespace netobs::os {

/// A network namespace held by a descriptor. It has no name: the kernel removes it, and every
/// interface in it, when the last holder goes, however that process ends.
class NetworkNamespace {
 public:
  /// A new, empty namespace (loopback down). Needs CAP_SYS_ADMIN. The calling thread stays where it
  /// is.
  [[nodiscard]] static Result<NetworkNamespace> create();
  /// The calling thread's own.
  [[nodiscard]] static Result<NetworkNamespace> current();

  [[nodiscard]] int fd() const { return fd_.get(); }
  /// Inode number: what the kernel's net->ns.inum says, and so what tells namespaces apart.
  [[nodiscard]] std::uint32_t inode() const { return inode_; }
  /// Moves the calling thread, and only it, into this namespace.
  [[nodiscard]] Result<void> enter() const;

 private:
  NetworkNamespace(Fd fd, std::uint32_t inode) : fd_(std::move(fd)), inode_(inode) {}
  Fd fd_;
  std::uint32_t inode_;
};

/// Puts the calling thread into a namespace for the time of a scope and back again.
class NamespaceScope {
 public:
  [[nodiscard]] static Result<NamespaceScope> enter(const NetworkNamespace& target);
  NamespaceScope(NamespaceScope&&) = default;
  NamespaceScope& operator=(NamespaceScope&&) = delete;
  NamespaceScope(const NamespaceScope&) = delete;
  NamespaceScope& operator=(const NamespaceScope&) = delete;
  ~NamespaceScope();

 private:
  explicit NamespaceScope(Fd home) : home_(std::move(home)) {}
  Fd home_;
};

}  // namespace netobs::os
