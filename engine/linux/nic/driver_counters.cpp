#include "linux/nic/driver_counters.hpp"

#include <linux/ethtool.h>
#include <linux/ethtool_netlink.h>
#include <linux/genetlink.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

namespace netobs::nic {
namespace {

// linux/ethtool_netlink.h from Linux 6.10 on.
constexpr std::uint16_t tsinfo_stats = 6;
constexpr std::uint16_t stat_tx_lost = 2;
constexpr std::uint16_t stat_tx_err = 3;

constexpr std::uint32_t most_counters = 65536;
constexpr std::array<std::string_view, 5> stamp_words{"hwtstamp", "tstamp", "timestamp", "hw_ts",
                                                      "_ts_"};
constexpr std::array<std::string_view, 6> failure_words{"skip", "timeout", "flush",
                                                        "lost", "err",     "discard"};

template <std::size_t N>
bool has_one_of(std::string_view text, const std::array<std::string_view, N>& words) {
  return std::ranges::any_of(
      words, [&](std::string_view word) { return text.find(word) != std::string_view::npos; });
}

/// An attribute of the kernel's type "uint": 4 or 8 bytes.
std::uint64_t wide_number_of(const nlattr& attribute) {
  if (mnl_attr_get_payload_len(&attribute) >= sizeof(std::uint64_t)) {
    return mnl_attr_get_u64(&attribute);
  }
  return os::number_of(attribute);
}

/// The fixed part of one of ethtool's structures and room for `rows` rows after it. Twice the room:
/// the kernel writes as many as there are by then.
template <class Fixed>
std::vector<std::uint64_t> with_room(std::uint32_t command, std::uint32_t rows,
                                     std::size_t row_bytes) {
  std::vector<std::uint64_t> room(1 + (2 * row_bytes * rows + sizeof(Fixed)) / 8);
  std::memcpy(room.data(), &command, sizeof command);
  return room;
}

/// How many counters `ethtool -S` has.
std::uint32_t counter_count(const NicDevice& device) {
  auto room = with_room<ethtool_sset_info>(ETHTOOL_GSSET_INFO, 1, sizeof(std::uint32_t));
  auto* const info = reinterpret_cast<ethtool_sset_info*>(room.data());
  info->sset_mask = 1ULL << static_cast<unsigned>(ETH_SS_STATS);
  if (device.ethtool(info) != 0 || info->sset_mask == 0) return 0;
  std::uint32_t count = 0;
  std::memcpy(&count, reinterpret_cast<const char*>(info->data), sizeof count);
  return std::min(count, most_counters);
}

std::optional<std::uint64_t> named_counters(const NicDevice& device) {
  const auto count = counter_count(device);
  if (count == 0) return std::nullopt;
  auto names = with_room<ethtool_gstrings>(ETHTOOL_GSTRINGS, count, ETH_GSTRING_LEN);
  auto values = with_room<ethtool_stats>(ETHTOOL_GSTATS, count, sizeof(std::uint64_t));
  auto* const strings = reinterpret_cast<ethtool_gstrings*>(names.data());
  auto* const statistics = reinterpret_cast<ethtool_stats*>(values.data());
  strings->string_set = ETH_SS_STATS;
  strings->len = count;
  statistics->n_stats = count;
  if (device.ethtool(strings) != 0 || device.ethtool(statistics) != 0) return std::nullopt;
  std::optional<std::uint64_t> sum;
  const auto filled = std::min({count, strings->len, statistics->n_stats});
  for (std::size_t i = 0; i < filled; ++i) {
    const auto* const name = reinterpret_cast<const char*>(strings->data) + i * ETH_GSTRING_LEN;
    if (!counts_unstamped_tx({name, ::strnlen(name, ETH_GSTRING_LEN)})) continue;
    std::uint64_t value = 0;
    std::memcpy(&value, reinterpret_cast<const char*>(statistics->data) + i * sizeof value,
                sizeof value);
    sum = sum.value_or(0) + value;
  }
  return sum;
}

}  // namespace

bool counts_unstamped_tx(std::string_view name) {
  // mlx5: the completion queue of its timestamping send queue.
  if (name.starts_with("ptp_cq")) return name.ends_with("lost_cqe") || name.ends_with("err_cqe");
  return name.find("tx") != std::string_view::npos && has_one_of(name, stamp_words) &&
         has_one_of(name, failure_words);
}

UnstampedTx::UnstampedTx(const NicDevice& device) : device_(&device) {
  if (auto opened = os::Netlink::open(NETLINK_GENERIC)) {
    family_ = os::generic_family(*opened, ETHTOOL_GENL_NAME);
    netlink_ = std::move(*opened);
  }
  start_ = total();
}

std::optional<std::uint64_t> UnstampedTx::count() {
  const auto now = total();
  if (!now || !start_) return std::nullopt;
  return *now < *start_ ? 0 : *now - *start_;
}

std::optional<std::uint64_t> UnstampedTx::total() {
  const auto common = common_statistics();
  return common ? common : named_counters(*device_);
}

std::optional<std::uint64_t> UnstampedTx::common_statistics() {
  if (!netlink_ || family_ == 0) return std::nullopt;
  os::NetlinkRequest request(family_, 0);
  auto& header = request.add_header<genlmsghdr>();
  header.cmd = ETHTOOL_MSG_TSINFO_GET;
  header.version = ETHTOOL_GENL_VERSION;
  const struct {
    nlattr index_header;
    std::uint32_t index;
    nlattr flags_header;
    std::uint32_t flags;
  } about{.index_header = {.nla_len = 8, .nla_type = ETHTOOL_A_HEADER_DEV_INDEX},
          .index = static_cast<std::uint32_t>(device_->index()),
          .flags_header = {.nla_len = 8, .nla_type = ETHTOOL_A_HEADER_FLAGS},
          .flags = ETHTOOL_FLAG_STATS};
  request.add(ETHTOOL_A_TSINFO_HEADER | NLA_F_NESTED,
              std::span(reinterpret_cast<const std::uint8_t*>(&about), sizeof about));
  std::optional<std::uint64_t> sum;
  const auto add_statistic = [&](const nlattr& attribute) {
    const auto type = mnl_attr_get_type(&attribute);
    if (type == stat_tx_lost || type == stat_tx_err) {
      sum = sum.value_or(0) + wide_number_of(attribute);
    }
  };
  const int error = netlink_->ask(request, [&](const nlmsghdr& message) {
    os::for_each_attribute<genlmsghdr>(message, [&](const nlattr& attribute) {
      if (mnl_attr_get_type(&attribute) == tsinfo_stats) {
        os::for_each_nested(attribute, add_statistic);
      }
    });
  });
  return error == 0 ? sum : std::nullopt;
}

}  // namespace netobs::nic
