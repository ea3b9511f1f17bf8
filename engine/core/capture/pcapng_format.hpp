#pragma once
// Numbers of draft-ietf-opsawg-pcapng.

#include <cstdint>

namespace netobs::capture::pcapng {

inline constexpr std::uint32_t section_header = 0x0a0d0d0a;  ///< the same in both byte orders
inline constexpr std::uint32_t interface_description = 1;
inline constexpr std::uint32_t interface_statistics = 5;
inline constexpr std::uint32_t enhanced_packet = 6;
inline constexpr std::uint32_t byte_order_magic = 0x1a2b3c4d;

}  // namespace netobs::capture::pcapng
