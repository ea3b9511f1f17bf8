#include "micro/core_units.hpp"

#include <array>

#include "micro/micro.hpp"

namespace netobs::micro {

std::span<const RegisterFunction> registrations() {
  static constexpr std::array<RegisterFunction, 10> table{
      register_packet,    register_tlv,       register_hmac,       register_correlator,
      register_histogram, register_quantiles, register_statistics, register_clock,
      register_schedule,  register_ring};
  return table;
}

}  // namespace netobs::micro
