// Captured frames of every link type: what is given lies inside the frame and inside what it says
// of itself.

#include "core/capture/link_frame.hpp"
#include "fuzz/fuzz.hpp"

using namespace netobs;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto frame = fuzz::input(data, size);
  for (std::size_t i = 0; i < capture::link_type_count; ++i) {
    const auto datagram = capture::read_link_frame(static_cast<capture::LinkType>(i), frame);
    if (!datagram) {
      NETOBS_CHECK(!capture::name(datagram.error()).empty(), "link type {}", i);
      continue;
    }
    const auto& payload = datagram->payload;
    NETOBS_CHECK(payload.size() <= datagram->payload_size && payload.data() >= frame.data() &&
                     payload.data() + payload.size() <= frame.data() + frame.size() &&
                     datagram->source.is_v4() == datagram->destination.is_v4(),
                 "link type {}, {} octets", i, size);
  }
  return 0;
}
