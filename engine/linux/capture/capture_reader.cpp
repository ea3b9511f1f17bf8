#include "linux/capture/capture_reader.hpp"

#include <fmt/format.h>
#include <pcap/pcap.h>
#include <stdio_ext.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <limits>
#include <string_view>
#include <utility>
#include <vector>

#include "core/capture/pcapng_interfaces.hpp"
#include "linux/capture/link_types.hpp"
#include "linux/capture/unpacked_file.hpp"

namespace netobs {
namespace {

constexpr const char* standard_input = "standard input";

struct ClosePcap {
  void operator()(pcap_t* capture) const { ::pcap_close(capture); }  // and its stream
};
using Capture = std::unique_ptr<pcap_t, ClosePcap>;

/// The stdio stream that libpcap wants, over the contents of a file.
class PcapStream {
 public:
  explicit PcapStream(std::unique_ptr<UnpackedFile> file) : file_(std::move(file)) {}

  /// Whoever has it closes it, before this goes. nullptr: no memory.
  [[nodiscard]] std::FILE* open();
  [[nodiscard]] const UnpackedFile& file() const { return *file_; }
  [[nodiscard]] const capture::PcapngInterfaces& interfaces() const { return interfaces_; }
  /// Why the stream ended with an error; empty: it did not.
  [[nodiscard]] std::string failure() const;

 private:
  static constexpr std::uint32_t most_interfaces = 1 << 16;  // libpcap keeps 40 octets for each

  static ssize_t read(void* cookie, char* out, std::size_t size);

  std::unique_ptr<UnpackedFile> file_;
  capture::PcapngInterfaces interfaces_;
  std::vector<char> buffer_ = std::vector<char>(256 << 10);
};

std::FILE* PcapStream::open() {
  const cookie_io_functions_t functions{
      .read = read, .write = nullptr, .seek = nullptr, .close = nullptr};
  std::FILE* file = ::fopencookie(this, "r", functions);
  if (file == nullptr) return nullptr;
  std::setvbuf(file, buffer_.data(), _IOFBF, buffer_.size());
  ::__fsetlocking(file, FSETLOCKING_BYCALLER);  // two reads a packet, by one thread
  return file;
}

ssize_t PcapStream::read(void* cookie, char* out, std::size_t size) {
  auto& stream = *static_cast<PcapStream*>(cookie);
  const auto count = stream.file_->read({out, size});
  stream.interfaces_.feed(std::as_bytes(std::span(out, count)));
  if (stream.failure().empty()) return static_cast<ssize_t>(count);
  errno = EIO;
  return -1;
}

std::string PcapStream::failure() const {
  if (interfaces_.count() > most_interfaces) {
    return fmt::format("it describes more than {} interfaces", most_interfaces);
  }
  if (file_->failure().empty()) return {};
  if (file_->compression().empty()) return fmt::format("it cannot be read: {}", file_->failure());
  return fmt::format("its {} data cannot be decompressed further: {}", file_->compression(),
                     file_->failure());
}

Error unsupported(const std::string& path, int dlt) {
  return {.what = fmt::format("read {}", path),
          .sys_errno = 0,
          .cause =
              fmt::format("Its link type is {}, which is not known here.", describe_link_type(dlt)),
          .remedy =
              "Ethernet, Linux cooked (v1, v2), raw IP and BSD loopback are: capture on such an "
              "interface, for example with `tcpdump -i any`."};
}

Error not_a_capture(const std::string& path, const PcapStream& stream, std::string_view why) {
  Error error{.what = fmt::format("read {}", path),
              .sys_errno = 0,
              .cause = fmt::format("It is no capture that libpcap can read: {}.", why),
              .remedy = "Give what tcpdump, dumpcap or tshark wrote with -w."};
  if (const auto failure = stream.failure(); !failure.empty()) {
    error.cause = fmt::format("Before any packet, {}.", failure);
    error.remedy = "Copy it again.";
  } else if (why.starts_with("truncated")) {
    error.cause = "It ends inside its header.";
    error.remedy = "Copy it again, or see whether what wrote it was stopped.";
  } else if (stream.file().looks_like_text()) {
    error.cause = "It is no capture but looks like text: a log?";
  }
  return error;
}

/// What libpcap reads no further than although the file is sound: it has one link type and one snap
/// length for a whole file (sf-pcapng.c of 1.10.3 to 1.10.5).
struct Limit {
  std::string_view message;
  const char* cause;
  const char* remedy;
};
constexpr const char* rewrite = "Rewrite it: `editcap -F nsecpcap {0} one.pcap`.";
constexpr Limit raw_twice{
    // The number in the file is compared with libpcap's own, and those of raw IP differ.
    "an interface has a type 101 ", "Several of its interfaces have raw IP, which libpcap refuses.",
    rewrite};
/// libpcap reads the next section's blocks in the byte order of the first one.
constexpr Limit byte_orders{
    {}, "Its sections are in different byte orders, which libpcap does not read.", rewrite};
constexpr std::array<Limit, 2> limits{{
    {"an interface has a type ", "Its interfaces have different link types.",
     "Take one out: `tshark -r {0} -Y 'frame.interface_id == 0' -w - | editcap -F nsecpcap -T "
     "ether "
     "- one.pcap`, with rawip or linux-sll in place of ether; `capinfos {0}` lists the "
     "interfaces."},
    {"an interface has a snapshot length ", "Its interfaces have different snap lengths.", rewrite},
}};

const Limit* find_limit(std::string_view message, capture::LinkType first) {
  if (first == capture::LinkType::raw_ip && message.starts_with(raw_twice.message)) {
    return &raw_twice;
  }
  const auto* found = std::ranges::find_if(
      limits, [&](const Limit& limit) { return message.starts_with(limit.message); });
  return found != limits.end() ? found : nullptr;
}

Error beyond(const Limit& limit, const std::string& path) {
  return {
      .what = fmt::format("read {}", path),
      .sys_errno = 0,
      .cause = limit.cause,
      .remedy = fmt::format(fmt::runtime(limit.remedy), path == standard_input ? "FILE" : path)};
}

/// A pcap file has 32 bits without a sign (2106); libpcap reads them with one (2038).
std::int64_t seconds_of(const pcap_pkthdr& header, pcap_t* capture) {
  constexpr int pcap_format = 2;  // pcapng is 1
  const std::int64_t seconds = header.ts.tv_sec;
  const bool after_2038 = seconds < 0 && ::pcap_major_version(capture) == pcap_format;
  return after_2038 ? static_cast<std::uint32_t>(seconds) : seconds;
}

/// Whatever a file says: beyond the range is the end of the range.
std::int64_t saturated_ns(std::int64_t seconds, std::int64_t nanoseconds) {
  constexpr std::int64_t per_second = 1'000'000'000;
  std::int64_t ns = 0;
  if (__builtin_mul_overflow(seconds, per_second, &ns) ||
      __builtin_add_overflow(ns, nanoseconds, &ns)) {
    return seconds < 0 ? std::numeric_limits<std::int64_t>::min()
                       : std::numeric_limits<std::int64_t>::max();
  }
  return ns;
}

}  // namespace

struct CaptureReader::State {
  std::string path;
  std::unique_ptr<PcapStream> stream;
  Capture capture;  // goes before what it reads from
  capture::LinkType link = capture::LinkType::ethernet;
  std::string link_description;
  std::int64_t resolution_ns = 1'000'000'000;
  std::uint64_t packets = 0;
  bool ended = false;
  std::optional<std::string> ended_early;

  Result<std::optional<CapturedPacket>> end(int status);
};

CaptureReader::CaptureReader(std::unique_ptr<State> state) : state_(std::move(state)) {}
CaptureReader::~CaptureReader() = default;
CaptureReader::CaptureReader(CaptureReader&&) noexcept = default;
CaptureReader& CaptureReader::operator=(CaptureReader&&) noexcept = default;

Result<CaptureReader> CaptureReader::open(const std::string& path) {
  auto state = std::make_unique<State>();
  state->path = path == "-" ? standard_input : path;
  NETOBS_TRY(file, UnpackedFile::open(path));
  state->stream = std::make_unique<PcapStream>(std::move(file));
  std::FILE* stream = state->stream->open();
  std::array<char, PCAP_ERRBUF_SIZE> why{};
  if (stream != nullptr) {
    state->capture.reset(
        ::pcap_fopen_offline_with_tstamp_precision(stream, PCAP_TSTAMP_PRECISION_NANO, why.data()));
    if (!state->capture) std::fclose(stream);
  }
  if (!state->capture) return fail(not_a_capture(state->path, *state->stream, why.data()));
  const int dlt = ::pcap_datalink(state->capture.get());
  const auto known = link_type_of(dlt);
  if (!known) return fail(unsupported(state->path, dlt));
  state->link = *known;
  state->link_description = describe_link_type(dlt);
  return CaptureReader(std::move(state));
}

/// The end of the file, for a reason.
Result<std::optional<CapturedPacket>> CaptureReader::State::end(int status) {
  ended = true;
  if (status == PCAP_ERROR_BREAK) return std::nullopt;
  const std::string_view why = ::pcap_geterr(capture.get());
  if (const auto* limit = find_limit(why, link)) return fail(beyond(*limit, path));
  if (auto failure = stream->failure(); !failure.empty()) {
    ended_early = std::move(failure);
  } else if (stream->interfaces().byte_orders_differ()) {
    return fail(beyond(byte_orders, path));
  } else if (why.starts_with("truncated")) {
    ended_early = fmt::format("it is cut off after packet {}", packets);
  } else {
    ended_early = fmt::format("it is damaged after packet {}: {}", packets, why);
  }
  return std::nullopt;
}

Result<std::optional<CapturedPacket>> CaptureReader::next() {
  auto& state = *state_;
  if (state.ended) return std::nullopt;
  pcap_pkthdr* header = nullptr;
  const unsigned char* bytes = nullptr;
  const int status = ::pcap_next_ex(state.capture.get(), &header, &bytes);
  if (status != 1) return state.end(status);
  ++state.packets;
  // With nanosecond precision tv_usec holds nanoseconds.
  const std::int64_t below_a_second = header->ts.tv_usec;
  while (state.resolution_ns > 1 && below_a_second % state.resolution_ns != 0) {
    state.resolution_ns /= 10;
  }
  return CapturedPacket{
      .ns = saturated_ns(seconds_of(*header, state.capture.get()), below_a_second),
      .original_size = header->len,
      .link = state.link,
      .bytes = std::as_bytes(std::span(bytes, header->caplen))};
}

const std::string& CaptureReader::path() const {
  return state_->path;
}
capture::LinkType CaptureReader::link() const {
  return state_->link;
}
const std::string& CaptureReader::link_description() const {
  return state_->link_description;
}
std::uint32_t CaptureReader::snap_length() const {
  return static_cast<std::uint32_t>(std::max(0, ::pcap_snapshot(state_->capture.get())));
}
std::int64_t CaptureReader::resolution_ns() const {
  return state_->packets > 0 ? state_->resolution_ns : 1;
}
std::uint64_t CaptureReader::packets() const {
  return state_->packets;
}
std::uint64_t CaptureReader::bytes_read() const {
  return state_->stream->file().bytes_read();
}
std::optional<std::uint64_t> CaptureReader::file_size() const {
  return state_->stream->file().file_size();
}
const std::optional<std::string>& CaptureReader::ended_early() const {
  return state_->ended_early;
}

}  // namespace netobs
