#include "linux/capture/live_tap.hpp"

#include <fmt/format.h>
#include <pcap/pcap.h>

#include <array>
#include <span>
#include <utility>

#include "linux/capture/link_types.hpp"

namespace netobs {
namespace {

struct ClosePcap {
  void operator()(pcap_t* capture) const { ::pcap_close(capture); }
};
using Capture = std::unique_ptr<pcap_t, ClosePcap>;

Error failed(const std::string& interface, std::string_view why, int status) {
  const bool refused = status == PCAP_ERROR_PERM_DENIED;
  return {.what = fmt::format("capture on {}: {}", interface, why),
          .sys_errno = 0,
          .cause = refused ? "It needs CAP_NET_RAW." : "",
          .remedy = refused ? "Run it with sudo." : "",
          .exit = ExitCode::layer_missing};
}

/// Some failures have no text of their own but that of their number.
std::string why_of(pcap_t* capture, int status) {
  const std::string_view text = ::pcap_geterr(capture);
  return text.empty() ? ::pcap_statustostr(status) : std::string(text);
}

Result<void> set_filter(pcap_t* capture, const LiveTapOptions& options, capture::LinkType link) {
  const auto filter = filter_of(options, link);
  if (filter.empty()) return {};
  bpf_program program{};
  if (::pcap_compile(capture, &program, filter.c_str(), 1, PCAP_NETMASK_UNKNOWN) != 0) {
    return fail(failed(options.interface, ::pcap_geterr(capture), 0));
  }
  const int status = ::pcap_setfilter(capture, &program);
  ::pcap_freecode(&program);
  if (status != 0) return fail(failed(options.interface, why_of(capture, status), status));
  return {};
}

}  // namespace

std::string filter_of(const LiveTapOptions& options, capture::LinkType link) {
  const bool tags = options.tagged_too && link == capture::LinkType::ethernet;
  if (!tags || options.filter.empty()) return options.filter;
  return fmt::format("({0}) or (vlan and {0})", options.filter);
}

struct LiveTap::Handle {
  Capture capture;
  capture::LinkType link = capture::LinkType::ethernet;
};

LiveTap::LiveTap(std::unique_ptr<Handle> handle) : handle_(std::move(handle)) {}
LiveTap::~LiveTap() = default;
LiveTap::LiveTap(LiveTap&&) noexcept = default;
LiveTap& LiveTap::operator=(LiveTap&&) noexcept = default;

Result<LiveTap> LiveTap::open(const LiveTapOptions& options) {
  std::array<char, PCAP_ERRBUF_SIZE> why{};
  Capture capture(::pcap_create(options.interface.c_str(), why.data()));
  if (!capture) return fail(failed(options.interface, why.data(), 0));
  ::pcap_set_snaplen(capture.get(), static_cast<int>(options.snap_bytes));
  ::pcap_set_buffer_size(capture.get(), static_cast<int>(options.buffer_bytes));
  ::pcap_set_immediate_mode(capture.get(), 1);
  ::pcap_set_tstamp_type(capture.get(), PCAP_TSTAMP_HOST);
  ::pcap_set_tstamp_precision(capture.get(), PCAP_TSTAMP_PRECISION_NANO);
  if (const int status = ::pcap_activate(capture.get()); status < 0) {
    return fail(failed(options.interface, why_of(capture.get(), status), status));
  }
  if (::pcap_get_tstamp_precision(capture.get()) != PCAP_TSTAMP_PRECISION_NANO) {
    return fail(failed(options.interface, "its times have no nanoseconds", 0));
  }
  const int dlt = ::pcap_datalink(capture.get());
  const auto link = link_type_of(dlt);
  if (!link) {
    return fail(failed(options.interface,
                       fmt::format("frames of {} are not known here", describe_link_type(dlt)), 0));
  }
  NETOBS_TRY_VOID(set_filter(capture.get(), options, *link));
  if (::pcap_setnonblock(capture.get(), 1, why.data()) != 0) {
    return fail(failed(options.interface, why.data(), 0));
  }
  auto handle = std::make_unique<Handle>();
  handle->capture = std::move(capture);
  handle->link = *link;
  return LiveTap(std::move(handle));
}

std::optional<CapturedPacket> LiveTap::next() {
  pcap_pkthdr* header = nullptr;
  const unsigned char* bytes = nullptr;
  if (::pcap_next_ex(handle_->capture.get(), &header, &bytes) != 1) return std::nullopt;
  // With nanosecond precision tv_usec holds nanoseconds.
  return CapturedPacket{.ns = header->ts.tv_sec * 1'000'000'000LL + header->ts.tv_usec,
                        .original_size = header->len,
                        .link = handle_->link,
                        .bytes = std::as_bytes(std::span(bytes, header->caplen))};
}

std::uint64_t LiveTap::dropped() const {
  pcap_stat counts{};
  if (::pcap_stats(handle_->capture.get(), &counts) != 0) return 0;
  return counts.ps_drop;
}

capture::LinkType LiveTap::link() const {
  return handle_->link;
}

}  // namespace netobs
