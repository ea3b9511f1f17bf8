// Reading captures: single frames, and whole files through libpcap and libarchive.

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "core/base/check.hpp"
#include "core/capture/link_frame.hpp"
#include "linux/capture/capture_reader.hpp"
#include "linux/os/fd.hpp"
#include "micro/capture_units.hpp"
#include "micro/micro.hpp"
#include "unit/capture_files/capture_bytes.hpp"
#include "unit/wire/hex.hpp"

namespace netobs::micro {
namespace {

constexpr std::uint32_t file_packets = 100'000;
constexpr auto order = capture_test::Order::little;

/// What a busy interface sees: probes of both IP versions, tagged or not, and others' packets.
std::vector<std::vector<std::byte>> frames() {
  const std::string ethernet = "020000000002 020000000001 ";
  const std::string v4 = "0800 45000048 00004000 4011 0000 c6120001 c6120002 c000 035e 0034 0000";
  const std::string v6 =
      "86dd 6000000000341140 fd006e6f000000000000000000000001 fd006e6f000000000000000000000002 "
      "c000 035e 0034 0000";
  const std::string tcp = "0800 45000048 00004000 4006 0000 c6120001 c6120002 c000 01bb 0000 0000";
  std::vector<std::vector<std::byte>> made;
  for (const auto& packet : {v4, v6, "8100 0005" + v4, tcp}) {
    made.push_back(wire_test::bytes(ethernet + packet));
    made.back().resize(made.back().size() + 44);
  }
  return made;
}

void link_frame(benchmark::State& state) {
  const auto input = frames();
  std::size_t datagrams = 0;
  for (auto _ : state) {
    for (const auto& frame : input) {
      const auto read = capture::read_link_frame(capture::LinkType::ethernet, frame);
      datagrams += read ? 1U : 0U;
      benchmark::DoNotOptimize(read);
    }
  }
  NETOBS_CHECK(datagrams % 3 == 0 && datagrams > 0, "{} datagrams", datagrams);
  count_items(state, input.size());
}

std::string as_text(const std::vector<std::byte>& bytes) {
  std::string text;
  for (const auto byte : bytes) text += static_cast<char>(byte);
  return text;
}

std::string pcap() {
  std::string out = capture_test::pcap_header(order, capture_test::pcap_nano);
  const auto input = frames();
  for (std::uint32_t i = 0; i < file_packets; ++i) {
    out += capture_test::pcap_packet(order, i, i, as_text(input[i % input.size()]));
  }
  return out;
}

std::string pcapng() {
  std::string out =
      capture_test::section(order) + capture_test::interface(order, {.resolution = 9});
  const auto input = frames();
  for (std::uint32_t i = 0; i < file_packets; ++i) {
    out += capture_test::enhanced_packet(order, 0, i, as_text(input[i % input.size()]));
  }
  return out;
}

/// Each packet down to its datagram.
void whole_file(benchmark::State& state, const std::string& octets) {
  const os::Fd file(::memfd_create("bench", MFD_CLOEXEC));
  const auto written = ::write(file.get(), octets.data(), octets.size());
  NETOBS_CHECK(written == static_cast<ssize_t>(octets.size()), "{}", written);
  const auto path = fmt::format("/proc/self/fd/{}", file.get());
  for (auto _ : state) {
    auto reader = CaptureReader::open(path).value();
    std::size_t datagrams = 0;
    while (const auto packet = reader.next().value()) {
      datagrams += capture::read_link_frame(packet->link, packet->bytes) ? 1U : 0U;
    }
    NETOBS_CHECK(datagrams == file_packets / 4 * 3, "{} datagrams", datagrams);
  }
  count_items(state, file_packets);
}

}  // namespace

void register_capture() {
  benchmark::RegisterBenchmark("capture/link_frame", link_frame);
  benchmark::RegisterBenchmark("capture/pcap_file", whole_file, pcap());
  benchmark::RegisterBenchmark("capture/pcapng_file", whole_file, pcapng());
}

}  // namespace netobs::micro
