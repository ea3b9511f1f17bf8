#include "linux/capture/link_types.hpp"

#include <fmt/format.h>
#include <pcap/pcap.h>

#include <algorithm>
#include <array>

namespace netobs {
namespace {

struct KnownLink {
  int dlt;
  capture::LinkType link;
};
constexpr std::array<KnownLink, 8> known_links{{
    {DLT_EN10MB, capture::LinkType::ethernet},
    {DLT_LINUX_SLL, capture::LinkType::linux_cooked_v1},
    {DLT_LINUX_SLL2, capture::LinkType::linux_cooked_v2},
    {DLT_RAW, capture::LinkType::raw_ip},
    {DLT_IPV4, capture::LinkType::raw_ip},
    {DLT_IPV6, capture::LinkType::raw_ip},
    {DLT_NULL, capture::LinkType::bsd_loopback},
    {DLT_LOOP, capture::LinkType::bsd_loopback},
}};

}  // namespace

std::optional<capture::LinkType> link_type_of(int dlt) {
  const auto* const found = std::ranges::find(known_links, dlt, &KnownLink::dlt);
  if (found == known_links.end()) return std::nullopt;
  return found->link;
}

std::string describe_link_type(int dlt) {
  const char* text = ::pcap_datalink_val_to_description(dlt);
  return text != nullptr ? text : fmt::format("number {}", dlt);
}

}  // namespace netobs
