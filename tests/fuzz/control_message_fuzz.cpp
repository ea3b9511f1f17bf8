// The control-message decoders of the transports, on what no kernel would write.

#include <algorithm>

#include "fuzz/fuzz.hpp"
#include "linux/transport/control_message.hpp"

using namespace netobs;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto input = fuzz::input(data, size);
  if (input.size() < 4) return 0;
  // The first octets choose where the control messages end and the packet begins, and the port.
  const auto split =
      std::min<std::size_t>(std::to_integer<std::size_t>(input[0]) * 8, input.size() - 4);
  const auto port = static_cast<std::uint16_t>(std::to_integer<unsigned>(input[1]) << 8U |
                                               std::to_integer<unsigned>(input[2]));
  // cmsghdr must be aligned, as in a buffer of a socket call.
  alignas(cmsghdr) std::array<std::byte, 2048> aligned{};
  const auto control = input.subspan(4, split);
  const auto copied = std::min(control.size(), aligned.size());
  std::copy_n(control.begin(), copied, aligned.begin());
  const auto packet = input.subspan(4 + split);

  (void)decode_rx_control(std::span(aligned).first(copied));
  for (const auto source : {TxIdSource::kernel, TxIdSource::payload}) {
    const auto message =
        decode_error_message(std::span(aligned).first(copied), packet, source, port);
    // One message tells one thing.
    NETOBS_CHECK(!(message.timestamp && message.failure), "both, source {}",
                 static_cast<int>(source));
  }
  (void)id_in_packet(packet, port);
  return 0;
}
