#pragma once
// Captures written octet by octet, in every flavour there is: draft-ietf-opsawg-pcap and
// draft-ietf-opsawg-pcapng.

#include <bit>
#include <cstdint>
#include <optional>
#include <string>

namespace netobs::capture_test {

enum class Order : std::uint8_t { little, big };

/// Octets in the order of a file.
class Octets {
 public:
  explicit Octets(Order order) : order_(order) {}

  Octets& u8(std::uint8_t value) { return put(value, 1); }
  Octets& u16(std::uint16_t value) { return put(value, 2); }
  Octets& u32(std::uint32_t value) { return put(value, 4); }
  Octets& u64(std::uint64_t value) { return put(value, 8); }
  Octets& text(const std::string& octets) {
    out_ += octets;
    return *this;
  }
  Octets& pad() {
    out_.resize((out_.size() + 3) / 4 * 4);
    return *this;
  }
  Octets& option(std::uint16_t code, const std::string& value) {
    return u16(code).u16(static_cast<std::uint16_t>(value.size())).text(value).pad();
  }
  [[nodiscard]] const std::string& str() const { return out_; }
  [[nodiscard]] Order order() const { return order_; }

 private:
  Octets& put(std::uint64_t value, unsigned size) {
    for (unsigned i = 0; i < size; ++i) {
      const unsigned place = order_ == Order::little ? i : size - 1 - i;
      out_ += static_cast<char>(value >> (8 * place) & 0xffU);
    }
    return *this;
  }

  Order order_;
  std::string out_;
};

inline constexpr std::uint32_t pcap_micro = 0xa1b2c3d4;
inline constexpr std::uint32_t pcap_nano = 0xa1b23c4d;

inline std::string pcap_header(Order order, std::uint32_t magic, std::uint32_t link_type = 1,
                               std::uint32_t snap_length = 262144) {
  Octets out(order);
  out.u32(magic).u16(2).u16(4).u32(0).u32(0).u32(snap_length).u32(link_type);
  return out.str();
}

/// fraction: of a second, in the unit of the file.
inline std::string pcap_packet(Order order, std::uint32_t seconds, std::uint32_t fraction,
                               const std::string& bytes, std::uint32_t original = 0) {
  Octets out(order);
  const auto size = static_cast<std::uint32_t>(bytes.size());
  out.u32(seconds).u32(fraction).u32(size).u32(original != 0 ? original : size).text(bytes);
  return out.str();
}

/// body: padded already.
inline std::string block(Order order, std::uint32_t type, const std::string& body) {
  Octets out(order);
  const auto total = static_cast<std::uint32_t>(body.size() + 12);
  out.u32(type).u32(total).text(body).u32(total);
  return out.str();
}

inline std::string section(Order order, const std::string& options = "") {
  Octets out(order);
  out.u32(0x1a2b3c4d).u16(1).u16(0).u64(~0ULL).text(options);
  return block(order, 0x0a0d0d0a, out.str());
}

struct Interface {
  std::uint16_t link_type = 1;
  std::uint32_t snap_length = 262144;
  std::optional<std::uint8_t> resolution{};  ///< if_tsresol
  std::optional<std::uint64_t> offset_seconds{};
};

inline std::string interface(Order order, const Interface& of) {
  Octets out(order);
  out.u16(of.link_type).u16(0).u32(of.snap_length).option(2, "veth-a");
  if (of.resolution) out.option(9, std::string(1, static_cast<char>(*of.resolution)));
  if (of.offset_seconds) out.option(14, Octets(order).u64(*of.offset_seconds).str());
  out.option(0, "");
  return block(order, 1, out.str());
}

inline std::string enhanced_packet(Order order, std::uint32_t interface_id, std::uint64_t time,
                                   const std::string& bytes, const std::string& options = "") {
  Octets out(order);
  const auto size = static_cast<std::uint32_t>(bytes.size());
  out.u32(interface_id).u32(static_cast<std::uint32_t>(time >> 32U));
  out.u32(static_cast<std::uint32_t>(time)).u32(size).u32(size).text(bytes).pad().text(options);
  return block(order, 6, out.str());
}

}  // namespace netobs::capture_test
