#include "linux/timestamp/pcap_tap.hpp"

#include <fmt/format.h>
#include <pcap/pcap.h>

#include <array>
#include <span>
#include <utility>

namespace netobs {
namespace {

constexpr int snap_bytes = 128;  // headers and the sequence numbers
constexpr int buffer_bytes = 16 << 20;

struct ClosePcap {
  void operator()(pcap_t* capture) const { ::pcap_close(capture); }
};
using Capture = std::unique_ptr<pcap_t, ClosePcap>;

Error failed(const std::string& interface, const char* why, int status) {
  const bool refused = status == PCAP_ERROR_PERM_DENIED;
  return {.what = fmt::format("capture on {}: {}", interface, why),
          .sys_errno = 0,
          .cause = refused ? "It needs CAP_NET_RAW." : "",
          .remedy = refused ? "Run it with sudo." : ""};
}

Result<void> filter_port(pcap_t* capture, const std::string& interface, std::uint16_t port) {
  const auto text = fmt::format("udp port {0} or (vlan and udp port {0})", port);
  bpf_program program{};
  if (::pcap_compile(capture, &program, text.c_str(), 1, PCAP_NETMASK_UNKNOWN) != 0) {
    return fail(failed(interface, ::pcap_geterr(capture), 0));
  }
  const int status = ::pcap_setfilter(capture, &program);
  ::pcap_freecode(&program);
  if (status != 0) return fail(failed(interface, ::pcap_geterr(capture), status));
  return {};
}

}  // namespace

struct PcapTap::Handle {
  Capture capture;
  std::uint16_t port = 0;
};

PcapTap::PcapTap(std::unique_ptr<Handle> handle) : handle_(std::move(handle)) {}
PcapTap::~PcapTap() = default;
PcapTap::PcapTap(PcapTap&&) noexcept = default;
PcapTap& PcapTap::operator=(PcapTap&&) noexcept = default;

Result<PcapTap> PcapTap::open(const std::string& interface, std::uint16_t reflector_port) {
  std::array<char, PCAP_ERRBUF_SIZE> why{};
  Capture capture(::pcap_create(interface.c_str(), why.data()));
  if (!capture) return fail(failed(interface, why.data(), 0));
  ::pcap_set_snaplen(capture.get(), snap_bytes);
  ::pcap_set_buffer_size(capture.get(), buffer_bytes);
  ::pcap_set_immediate_mode(capture.get(), 1);
  ::pcap_set_tstamp_type(capture.get(), PCAP_TSTAMP_HOST);
  ::pcap_set_tstamp_precision(capture.get(), PCAP_TSTAMP_PRECISION_NANO);
  if (const int status = ::pcap_activate(capture.get()); status < 0) {
    return fail(failed(interface, ::pcap_geterr(capture.get()), status));
  }
  if (::pcap_datalink(capture.get()) != DLT_EN10MB) {
    return fail(failed(interface, "its frames are not Ethernet", 0));
  }
  NETOBS_TRY_VOID(filter_port(capture.get(), interface, reflector_port));
  if (::pcap_setnonblock(capture.get(), 1, why.data()) != 0) {
    return fail(failed(interface, why.data(), 0));
  }
  auto handle = std::make_unique<Handle>();
  handle->capture = std::move(capture);
  handle->port = reflector_port;
  return PcapTap(std::move(handle));
}

std::vector<CapturedProbe> PcapTap::take() {
  std::vector<CapturedProbe> probes;
  pcap_pkthdr* header = nullptr;
  const unsigned char* bytes = nullptr;
  while (::pcap_next_ex(handle_->capture.get(), &header, &bytes) == 1) {
    const auto frame = std::as_bytes(std::span(bytes, header->caplen));
    const auto probe = capture::read_probe_frame(frame, handle_->port);
    // With nanosecond precision tv_usec holds nanoseconds.
    const std::int64_t ns = header->ts.tv_sec * 1'000'000'000LL + header->ts.tv_usec;
    if (probe) probes.push_back({ns, *probe});
  }
  return probes;
}

std::uint64_t PcapTap::dropped() const {
  pcap_stat counts{};
  if (::pcap_stats(handle_->capture.get(), &counts) != 0) return 0;
  return counts.ps_drop;
}

}  // namespace netobs
