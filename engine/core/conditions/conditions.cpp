#include "core/conditions/conditions.hpp"

#include <algorithm>

namespace netobs::conditions {

std::optional<double> Throughput::loss() const {
  if (!lost || !packets || *packets == 0) return std::nullopt;
  return static_cast<double>(*lost) / static_cast<double>(*packets);
}

std::optional<double> Throughput::retransmit_share() const {
  if (!retransmits || !segment_bytes || bytes <= 0) return std::nullopt;
  return static_cast<double>(*retransmits) * *segment_bytes / bytes;
}

std::optional<unsigned> Conditions::hops() const {
  if (!echo.value || !echo.value->ttl) return std::nullopt;
  return hops_from_ttl(*echo.value->ttl);
}

bool Conditions::measured_anything() const {
  if (loaded && std::ranges::any_of(loaded->runs, [](const Item<LoadedRun>& item) {
        return item.value && item.value->received > 0;
      })) {
    return true;
  }
  return public_ip.value || (echo.value && echo.value->received > 0) || tcp_upload.value ||
         tcp_download.value || udp_upload.value || udp_download.value;
}

unsigned hops_from_ttl(std::uint8_t ttl) {
  constexpr unsigned unix_start = 64;
  constexpr unsigned windows_start = 128;
  constexpr unsigned router_start = 255;
  const unsigned start = ttl <= unix_start      ? unix_start
                         : ttl <= windows_start ? windows_start
                                                : router_start;
  return start - ttl;
}

}  // namespace netobs::conditions
