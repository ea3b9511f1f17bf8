// Base packets of both modes: whatever is accepted can be encoded again to the fields it was read
// from.

#include <array>

#include "core/wire/packet.hpp"
#include "fuzz/fuzz.hpp"

using namespace netobs;

namespace {

void sender(std::span<const std::byte> bytes) {
  const auto packet = wire::decode_sender(wire::Mode::unauthenticated, bytes, nullptr);
  if (!packet) return;
  std::array<std::byte, 44> again{};
  wire::encode_sender(wire::Mode::unauthenticated, *packet, again);
  NETOBS_CHECK(wire::decode_sender(wire::Mode::unauthenticated, again, nullptr) == *packet,
               "sender packet of {} octets", bytes.size());
}

void reflector(std::span<const std::byte> bytes) {
  const auto packet = wire::decode_reflector(wire::Mode::unauthenticated, bytes, nullptr);
  if (!packet) return;
  NETOBS_CHECK(packet->degraded == (bytes.size() < 44), "reply of {} octets", bytes.size());
  std::array<std::byte, 44> again{};
  wire::encode_reflector(wire::Mode::unauthenticated, *packet, again);
  const auto second = wire::decode_reflector(wire::Mode::unauthenticated, again, nullptr);
  NETOBS_CHECK(second && second->sender_sequence == packet->sender_sequence &&
                   second->t2 == packet->t2 && second->t3 == packet->t3,
               "reply of {} octets", bytes.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = fuzz::input(data, size);
  sender(bytes);
  reflector(bytes);
  // No key is guessed: everything must be refused.
  static wire::Hmac hmac = fuzz::hmac();
  NETOBS_CHECK(!wire::decode_sender(wire::Mode::authenticated, bytes, &hmac), "forged");
  NETOBS_CHECK(!wire::decode_reflector(wire::Mode::authenticated, bytes, &hmac), "forged");
  return 0;
}
