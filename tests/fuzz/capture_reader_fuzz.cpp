// Whole capture files, compressed or not: every packet lies within what the file can hold, and the
// end stays the end.

#include <sys/mman.h>
#include <unistd.h>

#include <string>

#include "fuzz/fuzz.hpp"
#include "linux/capture/capture_reader.hpp"
#include "linux/os/fd.hpp"

using namespace netobs;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const os::Fd file(::memfd_create("fuzzed", MFD_CLOEXEC));
  if (!file || ::write(file.get(), data, size) != static_cast<ssize_t>(size)) return 0;
  auto reader = CaptureReader::open("/proc/self/fd/" + std::to_string(file.get()));
  if (!reader) {
    NETOBS_CHECK(!reader.error().cause.empty() || reader.error().sys_errno != 0, "{} octets", size);
    return 0;
  }
  constexpr std::uint64_t enough = 10'000;  // of a compressed file
  while (reader->packets() < enough) {
    const auto packet = reader->next();
    if (!packet || !*packet) {
      const auto after = reader->next();
      NETOBS_CHECK(after && !*after, "{} octets", size);
      break;
    }
    // A copy of its own: the sanitizer sees every octet of it.
    const std::vector<std::byte> bytes((*packet)->bytes.begin(), (*packet)->bytes.end());
    const auto datagram = capture::read_link_frame((*packet)->link, bytes);
    NETOBS_CHECK(!datagram || datagram->payload.size() <= bytes.size(), "{} octets", size);
  }
  return 0;
}
