#pragma once
// pcapng blocks (draft-ietf-opsawg-pcapng), little-endian, times in nanoseconds. libpcap writes no
// pcapng, and no other library of the distributions does with a licence that fits.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/capture/link_frame.hpp"

namespace netobs::capture::pcapng {

/// All texts, here and below: UTF-8. What is not, and control characters, become "?"; what is
/// longer than `longest_text` octets is cut, between characters. Empty: left out.
inline constexpr std::size_t longest_text = 4096;

/// Begins a file.
struct Section {
  std::string hardware{};
  std::string os{};
  std::string application{};
};

/// Numbered from 0 in the order in which they are appended after the section.
struct Interface {
  LinkType link = LinkType::ethernet;
  std::uint32_t snap_length = 0;  ///< octets; 0: none
  std::string name{};
  std::string description{};
  std::string filter{};  ///< in libpcap's language
};

/// libpcap refuses longer ones; append_packet() cuts.
inline constexpr std::size_t longest_packet = 262144;

struct Packet {
  std::uint32_t interface_id = 0;
  std::int64_t ns = 0;              ///< since 1970; before that counts as 0
  std::uint32_t original_size = 0;  ///< on the wire, octets; at least that of `bytes`
  std::span<const std::byte> bytes{};
  Direction direction = Direction::unknown;
  std::string_view comment{};
};

/// What is known of an interface when a capture ends.
struct Statistics {
  std::int64_t start_ns = 0;  ///< since 1970
  std::int64_t end_ns = 0;
  std::optional<std::uint64_t> received{};  ///< packets
  std::optional<std::uint64_t> dropped{};   ///< packets that found no room
};

inline constexpr std::size_t longest_statistics = 76;  ///< octets that append_statistics() adds

void append_section(std::vector<std::byte>& out, const Section& section);
void append_interface(std::vector<std::byte>& out, const Interface& of);
void append_packet(std::vector<std::byte>& out, const Packet& packet);
void append_statistics(std::vector<std::byte>& out, std::uint32_t interface_id,
                       const Statistics& statistics);

}  // namespace netobs::capture::pcapng
