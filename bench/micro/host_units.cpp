#include "micro/host_units.hpp"

#include <array>

#include "micro/micro.hpp"

namespace netobs::micro {

std::span<const RegisterFunction> registrations() {
  static constexpr std::array<RegisterFunction, 2> table{register_hook_clock, register_hot_path};
  return table;
}

}  // namespace netobs::micro
