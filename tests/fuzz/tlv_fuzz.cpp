// The TLV walk stays inside its area, always moves on, and ends.

#include <vector>

#include "core/wire/tlv.hpp"
#include "fuzz/fuzz.hpp"

using namespace netobs;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto area = fuzz::input(data, size);
  wire::TlvWalk walk(area);
  std::size_t end = 0;
  while (const auto tlv = walk.next()) {
    NETOBS_CHECK(tlv->offset == end && tlv->end() <= area.size() && tlv->end() > end,
                 "tlv from {} to {} after {}", tlv->offset, tlv->end(), end);
    end = tlv->end();
  }
  NETOBS_CHECK(walk.offset() == end && !walk.next(), "walk ended at {}", walk.offset());

  static wire::Hmac hmac = fuzz::hmac();
  const std::array<std::byte, 4> sequence{};
  NETOBS_CHECK(wire::check_tlv_hmac(sequence, area, hmac) != wire::TlvIntegrity::verified,
               "forged");
  std::vector<std::byte> copy(area.begin(), area.end());
  wire::refresh_tlv_hmac(sequence, copy, hmac);
  return 0;
}
