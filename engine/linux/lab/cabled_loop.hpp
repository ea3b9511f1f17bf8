#pragma once

#include <string>

#include "core/base/result.hpp"
#include "linux/os/netns.hpp"

namespace netobs::lab {

/// Two interfaces of this machine that are joined outside, by a cable or a switch, each in a
/// namespace of its own, with the lab's addresses. They go back where they came from, with what was
/// up or down before.
///
/// A process that is killed leaves that to the kernel, which moves real interfaces back to the
/// initial namespace and deletes virtual ones.
class CabledLoop {
 public:
  /// Refuses an interface that carries an address or is a port of a bridge or bond: it is in use,
  /// and that would be lost.
  /// Needs CAP_SYS_ADMIN and CAP_NET_ADMIN.
  [[nodiscard]] static Result<CabledLoop> take(const std::string& sender,
                                               const std::string& reflector);
  ~CabledLoop();
  CabledLoop(CabledLoop&& other) noexcept;
  CabledLoop& operator=(CabledLoop&&) = delete;
  CabledLoop(const CabledLoop&) = delete;
  CabledLoop& operator=(const CabledLoop&) = delete;

  [[nodiscard]] const os::NetworkNamespace& sender_side() const { return sender_.space; }
  [[nodiscard]] const os::NetworkNamespace& reflector_side() const { return reflector_.space; }

 private:
  struct End {
    std::string interface;
    os::NetworkNamespace space;
    bool was_up = false;
    bool moved = false;
  };
  CabledLoop(os::NetworkNamespace home, End sender, End reflector)
      : home_(std::move(home)), sender_(std::move(sender)), reflector_(std::move(reflector)) {}
  [[nodiscard]] Result<void> move_out(End& end, unsigned number);
  void give_back(const End& end) const;

  os::NetworkNamespace home_;
  End sender_;
  End reflector_;
};

}  // namespace netobs::lab
