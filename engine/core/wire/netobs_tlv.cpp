#include "core/wire/netobs_tlv.hpp"

#include <algorithm>
#include <bit>
#include <limits>
#include <optional>

#include "core/base/bytes.hpp"
#include "core/base/check.hpp"

namespace netobs::wire {
namespace {

constexpr std::uint32_t magic = 0x4e4f4253;  // "NOBS"
constexpr std::uint8_t version = 1;
constexpr std::uint8_t flag_reply = 0x01;
constexpr std::uint8_t flag_base_is_xdp = 0x02;
constexpr std::uint8_t flag_not_measured = 0x02;  // of a request
constexpr std::uint8_t flag_wide = 0x01;
constexpr std::uint8_t flag_clock_stepped = 0x02;
constexpr std::uint8_t flag_tx_hardware_unasked = 0x04;
constexpr std::uint8_t flag_hardware_impossible = 0x08;
constexpr std::uint8_t flag_hook_events_lost = 0x10;

constexpr std::size_t at_version = 4;
constexpr std::size_t at_flags = 5;
constexpr std::size_t at_count = 6;
constexpr std::size_t at_clock_steps = 7;
constexpr std::size_t at_mask = 8;
constexpr std::size_t at_on_path = 10;
constexpr std::size_t at_clock = 12;
constexpr std::size_t at_dropped = 20;

constexpr std::size_t entry_header_size = 20;
constexpr std::size_t at_entry_sender = 4;
constexpr std::size_t at_entry_mask = 8;
constexpr std::size_t at_entry_flags = 10;
constexpr std::size_t at_entry_nic_bound = 11;
constexpr std::size_t at_entry_base = 12;

constexpr std::array<std::string_view, netobs_reject_count> reject_names{
    "too_short",        "wrong_magic",   "wrong_version",  "wrong_direction",
    "too_many_entries", "unknown_point", "truncated_entry"};

PointSet software(PointSet points) {
  return points.without(netobs_hardware_points);
}

// A mask has 16 bits in a field of its own; the next two stand in an octet of flags, from this bit
// on.
constexpr unsigned mask_field_bits = 16;
constexpr unsigned further_points = 3U;
constexpr unsigned flags_of_mask = 6;     // header and entry
constexpr unsigned flags_of_on_path = 4;  // header only
static_assert(point_count <= mask_field_bits + 2);

std::uint16_t field_of(PointSet points) {
  return static_cast<std::uint16_t>(points.bits());
}

unsigned flags_of(PointSet points, unsigned shift) {
  return points.bits() >> mask_field_bits << shift;
}

std::uint32_t bits_of(std::uint16_t field, std::uint8_t flags, unsigned shift) {
  return field | (flags >> shift & further_points) << mask_field_bits;
}

// The point whose time the differences of an entry are relative to.
std::optional<std::size_t> base_point(PointSet points) {
  const auto bits = software(points).bits();
  if (bits == 0) return std::nullopt;
  return static_cast<std::size_t>(std::countr_zero(bits));
}

std::uint64_t raw(std::int64_t ns) {
  return static_cast<std::uint64_t>(ns);
}

// Wrapping on purpose: times from a hostile peer, or a wild clock, must not be undefined behaviour.
std::int64_t difference(std::int64_t ns, std::int64_t base) {
  return static_cast<std::int64_t>(raw(ns) - raw(base));
}

bool fits_32(std::int64_t value) {
  return value >= std::numeric_limits<std::int32_t>::min() &&
         value <= std::numeric_limits<std::int32_t>::max();
}

// A bound in one octet: 0 = none, else (8 + mantissa) << exponent, three bits and five, never less
// than the bound. 255 stands for everything above 16 s.
constexpr unsigned mantissa_bits = 3;

std::int64_t decode_bound(unsigned code) {
  const std::int64_t mantissa = 8 + static_cast<std::int64_t>(code & 7U);
  return mantissa << (code >> mantissa_bits);
}

std::uint8_t encode_bound(const std::optional<std::int64_t>& bound_ns) {
  constexpr std::uint64_t smallest = 9;  // code 1
  constexpr unsigned largest_exponent = 31;
  if (!bound_ns) return 0;
  const auto bound = static_cast<std::uint64_t>(std::max<std::int64_t>(*bound_ns, smallest));
  const auto exponent = static_cast<unsigned>(std::bit_width(bound)) > mantissa_bits + 1
                            ? static_cast<unsigned>(std::bit_width(bound)) - (mantissa_bits + 1)
                            : 0U;
  const std::uint64_t remainder_mask = (std::uint64_t{1} << exponent) - 1;
  const std::uint64_t mantissa = (bound >> exponent) + ((bound & remainder_mask) != 0 ? 1 : 0);
  // A mantissa of 16 is 8 with the next exponent: the sum carries over by itself.
  const std::uint64_t code = (std::uint64_t{exponent} << mantissa_bits) + (mantissa - 8);
  if (exponent > largest_exponent || code > UINT8_MAX) return UINT8_MAX;
  return static_cast<std::uint8_t>(code);
}

template <class F>
void for_each_point(PointSet points, F&& function) {
  for (std::size_t i = 0; i < point_count; ++i) {
    if (points.has(static_cast<Point>(i))) function(i);
  }
}

bool needs_wide(const NetobsEntry& entry, std::int64_t base) {
  bool wide = false;
  for_each_point(software(entry.points),
                 [&](std::size_t i) { wide = wide || !fits_32(difference(entry.ns[i], base)); });
  return wide;
}

std::optional<NetobsReject> header_problem(std::span<const std::byte> value, bool reply) {
  if (value.size() < netobs_header_size) return NetobsReject::too_short;
  if (load_be<std::uint32_t>(value, 0) != magic) return NetobsReject::wrong_magic;
  if (load_be<std::uint8_t>(value, at_version) != version) return NetobsReject::wrong_version;
  const bool is_reply = (load_be<std::uint8_t>(value, at_flags) & flag_reply) != 0;
  if (is_reply != reply) return NetobsReject::wrong_direction;
  return std::nullopt;
}

void write_header(std::span<std::byte> value, unsigned flags, PointSet points) {
  NETOBS_CHECK(value.size() >= netobs_header_size, "value of {} octets", value.size());
  std::ranges::fill(value, std::byte{0});
  store_be(value, 0, magic);
  store_be(value, at_version, version);
  store_be(value, at_flags, static_cast<std::uint8_t>(flags | flags_of(points, flags_of_mask)));
  store_be(value, at_mask, field_of(points));
}

// Reads the entry at the start of `bytes`; on success returns its size.
std::expected<std::size_t, NetobsReject> parse_entry(std::span<const std::byte> bytes,
                                                     NetobsEntry& entry) {
  if (bytes.size() < entry_header_size) return std::unexpected(NetobsReject::truncated_entry);
  const auto flags = load_be<std::uint8_t>(bytes, at_entry_flags);
  const auto mask = bits_of(load_be<std::uint16_t>(bytes, at_entry_mask), flags, flags_of_mask);
  entry.points = PointSet(mask);
  if (entry.points.bits() != mask) return std::unexpected(NetobsReject::unknown_point);
  const bool wide = (flags & flag_wide) != 0;
  entry.clock_stepped = (flags & flag_clock_stepped) != 0;
  entry.tx_hardware_unasked = (flags & flag_tx_hardware_unasked) != 0;
  entry.hardware_impossible = (flags & flag_hardware_impossible) != 0;
  entry.hook_events_lost = (flags & flag_hook_events_lost) != 0;
  if (const auto code = load_be<std::uint8_t>(bytes, at_entry_nic_bound)) {
    entry.nic_bound_ns = decode_bound(code);
  }
  const std::size_t size = netobs_entry_size(entry.points, wide);
  if (bytes.size() < size) return std::unexpected(NetobsReject::truncated_entry);
  entry.reflector_sequence = load_be<std::uint32_t>(bytes, 0);
  entry.sender_sequence = load_be<std::uint32_t>(bytes, at_entry_sender);
  const auto base = load_be<std::uint64_t>(bytes, at_entry_base);
  const auto base_index = base_point(entry.points);
  std::size_t offset = entry_header_size;
  for_each_point(entry.points, [&](std::size_t i) {
    std::uint64_t value = base;
    if (netobs_hardware_points.has(static_cast<Point>(i))) {
      value = load_be<std::uint64_t>(bytes, offset);
      offset += 8;
    } else if (i != base_index && wide) {
      value += load_be<std::uint64_t>(bytes, offset);
      offset += 8;
    } else if (i != base_index) {
      const auto narrow = static_cast<std::int32_t>(load_be<std::uint32_t>(bytes, offset));
      value += raw(narrow);
      offset += 4;
    }
    entry.ns[i] = static_cast<std::int64_t>(value);
  });
  return size;
}

}  // namespace

std::string_view name(NetobsReject reject) {
  return reject_names[static_cast<std::size_t>(reject)];
}

void write_netobs_request(std::span<std::byte> value, PointSet requested, bool measured) {
  write_header(value, measured ? 0U : flag_not_measured, requested);
}

void mark_netobs_request_not_measured(std::span<std::byte> value) {
  NETOBS_CHECK(value.size() >= netobs_header_size, "value of {} octets", value.size());
  const auto flags = load_be<std::uint8_t>(value, at_flags);
  store_be(value, at_flags, static_cast<std::uint8_t>(flags | flag_not_measured));
}

bool is_netobs_request_measured(std::span<const std::byte> value) {
  if (header_problem(value, false)) return true;
  return (load_be<std::uint8_t>(value, at_flags) & flag_not_measured) == 0;
}

std::expected<PointSet, NetobsReject> parse_netobs_request(std::span<const std::byte> value) {
  if (const auto problem = header_problem(value, false)) return std::unexpected(*problem);
  // Points that a newer sender knows and we do not are simply not given.
  return PointSet(bits_of(load_be<std::uint16_t>(value, at_mask),
                          load_be<std::uint8_t>(value, at_flags), flags_of_mask));
}

NetobsReplyWriter::NetobsReplyWriter(std::span<std::byte> value, const NetobsStatus& status)
    : value_(value) {
  const unsigned flags = flag_reply | (status.base_is_xdp ? flag_base_is_xdp : 0U) |
                         flags_of(status.on_path, flags_of_on_path);
  write_header(value, flags, status.available);
  store_be(value, at_on_path, field_of(status.on_path));
  store_be(value, at_clock, status.clock_identity);
  store_be(value, at_dropped, status.dropped);
  store_be(value, at_clock_steps, status.clock_steps);
}

bool NetobsReplyWriter::add(const NetobsEntry& entry) {
  const auto base_index = base_point(entry.points);
  const std::int64_t base = base_index ? entry.ns[*base_index] : 0;
  const bool wide = needs_wide(entry, base);
  const std::size_t size = netobs_entry_size(entry.points, wide);
  if (count_ == netobs_max_entries || value_.size() - size_ < size) return false;
  const auto bytes = value_.subspan(size_, size);
  store_be(bytes, 0, entry.reflector_sequence);
  store_be(bytes, at_entry_sender, entry.sender_sequence);
  store_be(bytes, at_entry_mask, field_of(entry.points));
  const unsigned flags = (wide ? flag_wide : 0U) | (entry.clock_stepped ? flag_clock_stepped : 0U) |
                         (entry.tx_hardware_unasked ? flag_tx_hardware_unasked : 0U) |
                         (entry.hardware_impossible ? flag_hardware_impossible : 0U) |
                         (entry.hook_events_lost ? flag_hook_events_lost : 0U) |
                         flags_of(entry.points, flags_of_mask);
  store_be(bytes, at_entry_flags, static_cast<std::uint8_t>(flags));
  store_be(bytes, at_entry_nic_bound, encode_bound(entry.nic_bound_ns));
  store_be(bytes, at_entry_base, raw(base));
  std::size_t offset = entry_header_size;
  for_each_point(entry.points, [&](std::size_t i) {
    if (i == base_index) return;
    const bool hardware = netobs_hardware_points.has(static_cast<Point>(i));
    const std::int64_t value = hardware ? entry.ns[i] : difference(entry.ns[i], base);
    if (hardware || wide) {
      store_be(bytes, offset, raw(value));
      offset += 8;
    } else {
      store_be(bytes, offset, static_cast<std::uint32_t>(value));
      offset += 4;
    }
  });
  size_ += size;
  store_be(value_, at_count, ++count_);
  return true;
}

std::expected<NetobsReply, NetobsReject> parse_netobs_reply(std::span<const std::byte> value) {
  if (const auto problem = header_problem(value, true)) return std::unexpected(*problem);
  NetobsReply reply;
  reply.entry_count = load_be<std::uint8_t>(value, at_count);
  if (reply.entry_count > netobs_max_entries)
    return std::unexpected(NetobsReject::too_many_entries);
  const auto flags = load_be<std::uint8_t>(value, at_flags);
  reply.status = {
      .available = PointSet(bits_of(load_be<std::uint16_t>(value, at_mask), flags, flags_of_mask)),
      .on_path =
          PointSet(bits_of(load_be<std::uint16_t>(value, at_on_path), flags, flags_of_on_path)),
      .base_is_xdp = (flags & flag_base_is_xdp) != 0,
      .clock_identity = load_be<std::uint64_t>(value, at_clock),
      .dropped = load_be<std::uint32_t>(value, at_dropped),
      .clock_steps = load_be<std::uint8_t>(value, at_clock_steps),
  };
  std::size_t offset = netobs_header_size;
  for (std::size_t i = 0; i < reply.entry_count; ++i) {
    const auto size = parse_entry(value.subspan(offset), reply.entry_slots[i]);
    if (!size) return std::unexpected(size.error());
    offset += *size;
  }
  return reply;
}

}  // namespace netobs::wire
