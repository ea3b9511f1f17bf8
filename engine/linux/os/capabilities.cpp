#include "linux/os/capabilities.hpp"

#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>

namespace netobs::os {

void raise_permitted_capabilities() {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> sets{};
  if (::syscall(SYS_capget, &header, sets.data()) != 0) return;
  bool changed = false;
  for (auto& set : sets) {
    changed = changed || set.effective != set.permitted;
    set.effective = set.permitted;
  }
  if (changed) (void)::syscall(SYS_capset, &header, sets.data());
}

}  // namespace netobs::os
