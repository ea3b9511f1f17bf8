#include "micro/capture_units.hpp"

#include <array>

#include "micro/micro.hpp"

namespace netobs::micro {

std::span<const RegisterFunction> registrations() {
  static constexpr std::array<RegisterFunction, 1> table{register_capture};
  return table;
}

}  // namespace netobs::micro
