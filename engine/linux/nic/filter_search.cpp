#include "linux/nic/filter_search.hpp"

#include <fmt/format.h>
#include <linux/net_tstamp.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <span>

namespace netobs::nic {
namespace {

// Ordinary packets: the PTP filters are asked for because many a driver answers them with ALL, even
// one that refuses ALL itself.
constexpr std::array plain_candidates{HWTSTAMP_FILTER_ALL, HWTSTAMP_FILTER_NTP_ALL,
                                      HWTSTAMP_FILTER_PTP_V2_EVENT,
                                      HWTSTAMP_FILTER_PTP_V2_L4_EVENT};
constexpr std::array disguised_candidates{
    HWTSTAMP_FILTER_ALL, HWTSTAMP_FILTER_PTP_V2_L4_EVENT, HWTSTAMP_FILTER_PTP_V2_EVENT,
    HWTSTAMP_FILTER_PTP_V2_L4_SYNC, HWTSTAMP_FILTER_PTP_V2_SYNC};

std::span<const hwtstamp_rx_filters> candidates(const Need& need) {
  if (need.ptp_disguise) return disguised_candidates;
  return plain_candidates;
}

/// Says no to this setting only, not to the one who asks.
bool is_refusal(int error) {
  return error == ERANGE || error == EINVAL || error == EOPNOTSUPP;
}

std::unexpected<Error> cannot_set(int error) {
  const bool permission = error == EPERM || error == EACCES;
  return fail({.what = "set the NIC's timestamping",
               .sys_errno = error,
               .cause = permission ? "It needs CAP_NET_ADMIN." : "",
               .remedy = permission ? "Run with sudo, or give the process (the container) "
                                      "CAP_NET_ADMIN."
                                    : "`ip link` and `dmesg` may tell what happened to it."});
}

}  // namespace

bool can_stamp_received(int rx_filter, const Need& need) {
  if (rx_filter == HWTSTAMP_FILTER_ALL) return true;
  return need.ptp_disguise &&
         std::ranges::find(disguised_candidates, rx_filter) != disguised_candidates.end();
}

bool can_stamp_sent(int tx_type, const Need& need) {
  if (tx_type == HWTSTAMP_TX_OFF) return false;
  return tx_type == HWTSTAMP_TX_ON || !need.ptp_disguise;
}

bool suffices(const HwtstampConfig& config, const Need& need) {
  return (!need.tx || can_stamp_sent(config.tx_type, need)) &&
         (!need.rx || can_stamp_received(config.rx_filter, need));
}

FilterSearch::FilterSearch(HwtstampDevice& device, const Need& need,
                           std::optional<HwtstampConfig> found)
    : device_(&device),
      need_(need),
      found_(found.value_or(HwtstampConfig{})),
      in_force_(found_),
      tx_type_(found_.tx_type),
      may_stamp_received_(can_stamp_received(found_.rx_filter, need)) {}

Result<void> FilterSearch::take_first() {
  if (suffices(in_force_, need_)) return {};
  if (need_.tx && !can_stamp_sent(found_.tx_type, need_)) tx_type_ = HWTSTAMP_TX_ON;
  const bool filter_needed = need_.rx && !may_stamp_received_;
  if (filter_needed) {
    NETOBS_TRY(taken, take_candidate());
    if (!taken) NETOBS_TRY_VOID(put_back_filter());
  } else {
    NETOBS_TRY_VOID(settle_tx());
  }
  const bool tx_works = need_.tx && can_stamp_sent(in_force_.tx_type, need_);
  if (tx_works || (need_.rx && may_stamp_received_)) return {};
  std::string cause;
  for (const auto& remark : remarks_) cause += (cause.empty() ? "" : " ") + remark;
  return fail({.what = "find a timestamping setting that the NIC takes",
               .sys_errno = EOPNOTSUPP,
               .cause = std::move(cause),
               .remedy = need_.ptp_disguise || !need_.rx
                             ? "`ethtool -T` shows what its driver offers."
                             : "`ethtool -T` shows what its driver offers; --ptp-disguise makes "
                               "packets that PTP filters match."});
}

Result<bool> FilterSearch::take_next() {
  if (!need_.rx || !may_stamp_received_) return false;
  gave_nothing_.push_back(in_force_.rx_filter);
  remarks_.push_back(fmt::format("rx_filter {} is in force and stamped none of our packets.",
                                 rx_filter_name(in_force_.rx_filter)));
  may_stamp_received_ = false;
  // Only ALL matches ordinary packets, whatever is asked for to get it.
  const bool hopeless = !need_.ptp_disguise && gave_nothing(HWTSTAMP_FILTER_ALL);
  if (!hopeless) {
    NETOBS_TRY(taken, take_candidate());
    if (taken) return true;
  }
  NETOBS_TRY_VOID(put_back_filter());
  return false;
}

void FilterSearch::give_up(std::string reason) {
  may_stamp_received_ = false;
  remarks_.push_back(std::move(reason));
}

/// Asks for the candidates that are left, until the driver takes one.
Result<bool> FilterSearch::take_candidate() {
  const auto list = candidates(need_);
  while (next_ < list.size()) {
    const int filter = list[next_];
    if (gave_nothing(filter)) {
      ++next_;
      continue;
    }
    NETOBS_TRY(answer, ask({.tx_type = tx_type_, .rx_filter = filter}));
    // Which of the two words was refused? Ask for the other one alone, once.
    if (answer == Answer::refused && tx_type_ != in_force_.tx_type) {
      NETOBS_TRY_VOID(settle_tx());
      if (tx_type_ == found_.tx_type) continue;  // it was tx_type: the same filter without it
    }
    ++next_;
    if (answer == Answer::taken) {
      may_stamp_received_ = true;
      return true;
    }
    if (answer == Answer::refused) {
      remarks_.push_back(fmt::format("The driver refuses rx_filter {}.", rx_filter_name(filter)));
    }
  }
  return false;
}

/// Switches transmit timestamps on, without another filter; gives up on them when it is refused.
Result<void> FilterSearch::settle_tx() {
  NETOBS_TRY(answer, ask({.tx_type = tx_type_, .rx_filter = found_.rx_filter}));
  if (answer == Answer::refused) {
    remarks_.push_back(fmt::format("The driver refuses tx_type {}.", tx_type_name(tx_type_)));
  }
  if (in_force_.tx_type != tx_type_) tx_type_ = found_.tx_type;
  return {};
}

Result<void> FilterSearch::put_back_filter() {
  if (in_force_.rx_filter == found_.rx_filter && in_force_.tx_type == tx_type_) return {};
  const HwtstampConfig wanted{.tx_type = tx_type_, .rx_filter = found_.rx_filter};
  NETOBS_TRY(answer, ask(wanted));
  (void)answer;
  if (in_force_.rx_filter != found_.rx_filter) {
    remarks_.push_back(fmt::format("The driver does not go back to rx_filter {}; it has {}.",
                                   rx_filter_name(found_.rx_filter),
                                   rx_filter_name(in_force_.rx_filter)));
  }
  return {};
}

Result<FilterSearch::Answer> FilterSearch::ask(const HwtstampConfig& config) {
  const auto answer = device_->set(config);
  if (!answer) {
    if (is_refusal(answer.error())) return Answer::refused;
    return cannot_set(answer.error());
  }
  in_force_ = *answer;
  // Some drivers return what they were asked for and do something else; what they say later counts.
  if (const auto read = device_->get()) in_force_ = *read;
  remark_answer(config, in_force_);
  const bool unsure = in_force_.rx_filter == HWTSTAMP_FILTER_SOME &&
                      can_stamp_received(config.rx_filter, need_);  // "those asked for, and others"
  const bool fits = can_stamp_received(in_force_.rx_filter, need_) || unsure;
  return fits && !gave_nothing(in_force_.rx_filter) ? Answer::taken : Answer::useless;
}

bool FilterSearch::gave_nothing(int rx_filter) const {
  return std::ranges::find(gave_nothing_, rx_filter) != gave_nothing_.end();
}

void FilterSearch::remark_answer(const HwtstampConfig& asked, const HwtstampConfig& got) {
  if (asked.rx_filter != got.rx_filter) {
    remarks_.push_back(fmt::format("Asked for rx_filter {}, the driver took {}.",
                                   rx_filter_name(asked.rx_filter), rx_filter_name(got.rx_filter)));
  }
  if (asked.tx_type != got.tx_type) {
    remarks_.push_back(fmt::format("Asked for tx_type {}, the driver took {}.",
                                   tx_type_name(asked.tx_type), tx_type_name(got.tx_type)));
  }
}

}  // namespace netobs::nic
