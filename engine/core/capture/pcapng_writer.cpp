#include "core/capture/pcapng_writer.hpp"

#include <algorithm>
#include <array>
#include <concepts>

#include "core/capture/pcapng_format.hpp"
#include "core/report/clean_text.hpp"

namespace netobs::capture::pcapng {
namespace {

using Out = std::vector<std::byte>;

constexpr std::uint16_t option_end = 0;
constexpr std::uint16_t option_comment = 1;

/// LINKTYPE_ values, in the order of LinkType.
constexpr std::array<std::uint16_t, link_type_count> link_numbers{1, 113, 276, 101, 0};

template <std::unsigned_integral T>
void put(Out& out, T value) {
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    out.push_back(static_cast<std::byte>(static_cast<std::uint64_t>(value) >> (8 * i) & 0xffU));
  }
}

void pad(Out& out) {
  constexpr std::size_t unit = 4;
  out.resize((out.size() + unit - 1) / unit * unit);
}

/// A block from its type to its second length, which both are known when it ends.
class Block {
 public:
  Block(Out& out, std::uint32_t type) : out_(out), start_(out.size()) {
    put(out, type);
    put(out, std::uint32_t{0});
  }
  ~Block() {
    constexpr std::size_t at_length = 4;
    const auto total = static_cast<std::uint32_t>(out_.size() - start_ + sizeof(std::uint32_t));
    for (std::size_t i = 0; i < sizeof total; ++i) {
      out_[start_ + at_length + i] = static_cast<std::byte>(total >> (8 * i) & 0xffU);
    }
    put(out_, total);
  }
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;
  Block(Block&&) = delete;
  Block& operator=(Block&&) = delete;

 private:
  Out& out_;
  std::size_t start_;
};

void put_text(Out& out, std::string_view text) {
  const auto is_inside_character = [&](std::size_t at) {
    return at < text.size() && (static_cast<unsigned char>(text[at]) & 0xc0U) == 0x80U;
  };
  std::size_t end = std::min(text.size(), longest_text);
  while (end > 0 && is_inside_character(end)) --end;
  for (const char c : report::clean_text(text.substr(0, end))) {
    out.push_back(static_cast<std::byte>(c));
  }
}

template <class PutValue>
void put_option(Out& out, std::uint16_t code, PutValue put_value) {
  put(out, code);
  const std::size_t at_length = out.size();
  put(out, std::uint16_t{0});
  put_value();
  const auto length = static_cast<std::uint16_t>(out.size() - at_length - sizeof(std::uint16_t));
  out[at_length] = static_cast<std::byte>(length & 0xffU);
  out[at_length + 1] = static_cast<std::byte>(length >> 8U);
  pad(out);
}

void put_text_option(Out& out, std::uint16_t code, std::string_view text) {
  if (!text.empty()) put_option(out, code, [&] { put_text(out, text); });
}

void put_end(Out& out) {
  put(out, option_end);
  put(out, std::uint16_t{0});
}

/// The upper half comes first, whatever the byte order.
void put_time(Out& out, std::int64_t ns) {
  const auto time = static_cast<std::uint64_t>(std::max<std::int64_t>(ns, 0));
  put(out, static_cast<std::uint32_t>(time >> 32U));
  put(out, static_cast<std::uint32_t>(time));
}

}  // namespace

void append_section(Out& out, const Section& section) {
  constexpr std::uint16_t major = 1;
  constexpr std::uint16_t minor = 0;
  constexpr std::uint64_t unknown_length = ~std::uint64_t{0};
  constexpr std::uint16_t shb_hardware = 2;
  constexpr std::uint16_t shb_os = 3;
  constexpr std::uint16_t shb_userappl = 4;
  const Block block(out, section_header);
  put(out, byte_order_magic);
  put(out, major);
  put(out, minor);
  put(out, unknown_length);
  put_text_option(out, shb_hardware, section.hardware);
  put_text_option(out, shb_os, section.os);
  put_text_option(out, shb_userappl, section.application);
  put_end(out);
}

void append_interface(Out& out, const Interface& of) {
  constexpr std::uint16_t reserved = 0;
  constexpr std::uint16_t if_name = 2;
  constexpr std::uint16_t if_description = 3;
  constexpr std::uint16_t if_tsresol = 9;
  constexpr std::uint16_t if_filter = 11;
  constexpr std::uint8_t nanoseconds = 9;
  constexpr std::uint8_t libpcap_language = 0;
  const Block block(out, interface_description);
  put(out, link_numbers[static_cast<std::size_t>(of.link)]);
  put(out, reserved);
  put(out, of.snap_length);
  put_text_option(out, if_name, of.name);
  put_text_option(out, if_description, of.description);
  put_option(out, if_tsresol, [&] { put(out, nanoseconds); });
  if (!of.filter.empty()) {
    put_option(out, if_filter, [&] {
      put(out, libpcap_language);
      put_text(out, of.filter);
    });
  }
  put_end(out);
}

void append_packet(Out& out, const Packet& packet) {
  constexpr std::uint16_t epb_flags = 2;
  constexpr std::uint32_t inbound = 1;
  constexpr std::uint32_t outbound = 2;
  const auto bytes = packet.bytes.first(std::min(packet.bytes.size(), longest_packet));
  const auto captured = static_cast<std::uint32_t>(bytes.size());
  const Block block(out, enhanced_packet);
  put(out, packet.interface_id);
  put_time(out, packet.ns);
  put(out, captured);
  put(out, std::max(captured, packet.original_size));
  out.insert(out.end(), bytes.begin(), bytes.end());
  pad(out);
  const bool directed = packet.direction != Direction::unknown;
  if (!directed && packet.comment.empty()) return;
  put_text_option(out, option_comment, packet.comment);
  if (directed) {
    put_option(out, epb_flags,
               [&] { put(out, packet.direction == Direction::outgoing ? outbound : inbound); });
  }
  put_end(out);
}

void append_statistics(Out& out, std::uint32_t interface_id, const Statistics& statistics) {
  constexpr std::uint16_t isb_starttime = 2;
  constexpr std::uint16_t isb_endtime = 3;
  constexpr std::uint16_t isb_ifrecv = 4;
  constexpr std::uint16_t isb_osdrop = 7;
  const Block block(out, interface_statistics);
  put(out, interface_id);
  put_time(out, statistics.end_ns);
  put_option(out, isb_starttime, [&] { put_time(out, statistics.start_ns); });
  put_option(out, isb_endtime, [&] { put_time(out, statistics.end_ns); });
  const auto put_count = [&](std::uint16_t code, std::optional<std::uint64_t> count) {
    if (count) put_option(out, code, [&] { put(out, *count); });
  };
  put_count(isb_ifrecv, statistics.received);
  put_count(isb_osdrop, statistics.dropped);
  put_end(out);
}

}  // namespace netobs::capture::pcapng
