#include "core/wire/tlv.hpp"

#include <algorithm>
#include <cstring>

#include "core/base/bytes.hpp"
#include "core/base/check.hpp"

namespace netobs::wire {
namespace {

constexpr std::size_t max_value_size = 0xffff;

void write_header(std::span<std::byte> area, std::size_t offset, TlvType type, std::size_t size) {
  store_be(area, offset, flag_unrecognised);
  store_be(area, offset + 1, static_cast<std::uint8_t>(type));
  store_be(area, offset + 2, static_cast<std::uint16_t>(size));
}

std::optional<Tlv> find_hmac(std::span<const std::byte> area) {
  TlvWalk walk(area);
  while (const auto tlv = walk.next()) {
    if (tlv->type == TlvType::hmac) return tlv;
  }
  return std::nullopt;
}

}  // namespace

// The end of the content is found once: looking ahead at every header would make a walk over a
// hostile area take quadratic time.
TlvWalk::TlvWalk(std::span<const std::byte> area) : area_(area), content_end_(area.size()) {
  // Most of a request is zeros for the reply to fill: by words first.
  for (std::uint64_t word = 0; content_end_ >= sizeof word; content_end_ -= sizeof word) {
    std::memcpy(&word, area_.data() + content_end_ - sizeof word, sizeof word);
    if (word != 0) break;
  }
  while (content_end_ > 0 && area_[content_end_ - 1] == std::byte{0}) --content_end_;
}

std::optional<Tlv> TlvWalk::next() {
  if (malformed_ || offset_ >= content_end_) return std::nullopt;
  if (area_.size() - offset_ < tlv_header_size) {
    malformed_ = true;
    return std::nullopt;
  }
  const std::size_t length = load_be<std::uint16_t>(area_, offset_ + 2);
  const std::size_t value_offset = offset_ + tlv_header_size;
  if (length > area_.size() - value_offset) {
    malformed_ = true;
    return std::nullopt;
  }
  const Tlv tlv{.flags = load_be<std::uint8_t>(area_, offset_),
                .type = static_cast<TlvType>(load_be<std::uint8_t>(area_, offset_ + 1)),
                .offset = offset_,
                .value = area_.subspan(value_offset, length)};
  offset_ = value_offset + length;
  return tlv;
}

std::optional<std::span<std::byte>> TlvBuilder::add(TlvType type, std::size_t value_size) {
  const std::size_t room = area_.size() - size_;
  if (value_size > max_value_size || room < tlv_header_size ||
      room - tlv_header_size < value_size) {
    return std::nullopt;
  }
  write_header(area_, size_, type, value_size);
  const auto value = area_.subspan(size_ + tlv_header_size, value_size);
  std::ranges::fill(value, std::byte{0});
  size_ += tlv_header_size + value_size;
  return value;
}

bool TlvBuilder::add_hmac(std::span<const std::byte> sequence, Hmac& hmac) {
  const HmacDigest digest = hmac.digest(sequence, area_.first(size_));
  const auto value = add(TlvType::hmac, hmac_size);
  if (!value) return false;
  std::ranges::copy(digest, value->begin());
  return true;
}

void TlvBuilder::pad_to_end() {
  const std::size_t room = area_.size() - size_;
  if (room < tlv_header_size) {
    std::ranges::fill(area_.subspan(size_), std::byte{0});
    size_ = area_.size();
    return;
  }
  const bool added = add(TlvType::extra_padding, room - tlv_header_size).has_value();
  NETOBS_CHECK(added, "padding of {} octets", room);
}

TlvIntegrity check_tlv_hmac(std::span<const std::byte> sequence, std::span<const std::byte> area,
                            Hmac& hmac) {
  TlvWalk walk(area);
  std::optional<Tlv> found;
  bool uncovered = false;
  while (const auto tlv = walk.next()) {
    if (!found && tlv->type == TlvType::hmac) {
      found = tlv;
    } else if (found && tlv->type != TlvType::extra_padding) {
      uncovered = true;
    }
  }
  if (!found) return TlvIntegrity::absent;
  if (uncovered || found->value.size() != hmac_size) return TlvIntegrity::failed;
  return hmac.verify(found->value, sequence, area.first(found->offset)) ? TlvIntegrity::verified
                                                                        : TlvIntegrity::failed;
}

void refresh_tlv_hmac(std::span<const std::byte> sequence, std::span<std::byte> area, Hmac& hmac) {
  const auto found = find_hmac(area);
  if (!found || found->value.size() != hmac_size) return;
  const HmacDigest digest = hmac.digest(sequence, area.first(found->offset));
  std::ranges::copy(digest, area.subspan(found->offset + tlv_header_size).begin());
}

}  // namespace netobs::wire
