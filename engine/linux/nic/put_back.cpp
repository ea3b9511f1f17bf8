#include "linux/nic/put_back.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <charconv>

namespace netobs::nic {
namespace {

constexpr std::size_t most_nics = 256;
constexpr std::string_view saved_suffix = ".saved";

std::string prefix_of(std::uint32_t netns_inode) {
  return fmt::format("nic-{}-", netns_inode);
}

std::unexpected<Error> cannot_restore(const NicIdentity& nic, const HwtstampConfig& target,
                                      int error) {
  return fail(
      {.what = fmt::format("restore the timestamping of {} ({})", nic.interface, describe(target)),
       .sys_errno = error,
       .cause = error == EPERM ? "It needs CAP_NET_ADMIN." : "",
       .remedy = fmt::format("The next netobs that runs with sudo restores it, or do it "
                             "yourself: hwstamp_ctl -i {} -r {} -t {}.",
                             nic.interface, target.rx_filter, target.tx_type)});
}

Result<PutBack> set_back(HwtstampDevice& device, const NicIdentity& nic, const SavedSetting& saved,
                         std::optional<HwtstampConfig> now) {
  const auto target = saved.target();
  const auto got = device.set(target);
  if (!got && got.error() == ENODEV) return PutBack{};  // it is gone, and its setting with it
  if (!got) return cannot_restore(nic, target, got.error());
  if (*got != target) {
    return PutBack{.sentence = fmt::format("{} was to go back to {}; its driver took {}.",
                                           nic.interface, describe(target), describe(*got))};
  }
  return PutBack{.restored = true,
                 .sentence = now ? describe_change(*now, target) : "set to " + describe(target)};
}

Result<PutBack> act(HwtstampDevice& device, const NicSubject& subject, const SavedSetting& saved) {
  const auto now = setting_of(device);
  if (!now && now.error() == ENODEV) return PutBack{};
  if (!now) return cannot_restore(subject.nic, saved.target(), now.error());
  const auto ptp = dependents_text(subject.ptp_users());
  switch (restoration(saved, *now, !ptp.empty())) {
    case Restoration::put_back:
      return set_back(device, subject.nic, saved, *now);
    case Restoration::not_ours:
      return PutBack{.sentence = fmt::format("Somebody else has set {} to {} since; it stays so.",
                                             subject.nic.interface, describe(**now))};
    case Restoration::needed_by_ptp:
      return PutBack{.sentence =
                         fmt::format("{} needs timestamps of {} by now, which had {} before; it "
                                     "stays as it is.",
                                     ptp, subject.nic.interface, describe(saved.target()))};
    case Restoration::none_needed:
      break;
  }
  return PutBack{};
}

}  // namespace

NicFiles nic_files(std::uint32_t netns_inode, int index) {
  const auto name = fmt::format("{}{}", prefix_of(netns_inode), index);
  return {.saved = name + std::string(saved_suffix), .users = name + ".users"};
}

std::vector<int> saved_indexes(const StateDirectory& directory, std::uint32_t netns_inode) {
  const auto prefix = prefix_of(netns_inode);
  std::vector<int> indexes;
  for (const auto& name : directory.names(prefix, std::string(saved_suffix), most_nics)) {
    const char* const first = name.data() + prefix.size();
    const char* const last = name.data() + name.size() - saved_suffix.size();
    int index = 0;
    const auto [end, code] = std::from_chars(first, last, index);
    if (first < last && code == std::errc{} && end == last && index > 0) indexes.push_back(index);
  }
  return indexes;
}

std::expected<std::optional<HwtstampConfig>, int> setting_of(HwtstampDevice& device) {
  const auto now = device.get();
  if (now) return *now;
  if (now.error() == EOPNOTSUPP || now.error() == EINVAL) return std::nullopt;
  return std::unexpected(now.error());
}

std::string dependents_text(const std::vector<PtpUser>& users) {
  std::string text;
  for (const auto& user : users) {
    if (!user.needs_setting) continue;
    text += fmt::format("{}{}", text.empty() ? "" : ", ", user.program);
    if (user.pid != 0) text += fmt::format(" (process {})", user.pid);
  }
  return text;
}

std::string leftover_text(const NicSubject& subject, const PutBack& done) {
  if (!done.restored) return done.sentence;
  return fmt::format("A netobs that was cut short had left {} changed; restored: {}.",
                     subject.nic.interface, done.sentence);
}

Result<PutBack> put_back(HwtstampDevice& device, const NicSubject& subject,
                         const StateDirectory& directory) {
  NETOBS_TRY(text, directory.read(subject.files.saved, most_saved_bytes));
  if (!text) return PutBack{};
  PutBack done;
  const auto saved = parse_saved_setting(*text);
  if (!saved || saved->nic != subject.nic) {
    // A device that is gone took its setting with it, and a restart of the kernel set every NIC
    // back.
    const bool gone = subject.nic.interface.empty();
    const bool restarted = saved && saved->nic.boot_id != subject.nic.boot_id;
    if (!gone && !restarted) {
      done.sentence = fmt::format(
          "A note about an earlier setting of {} does not fit it, or is damaged, and was removed.",
          subject.nic.interface);
    }
  } else {
    NETOBS_TRY(acted, act(device, subject, *saved));
    done = std::move(acted);
  }
  directory.remove(subject.files.saved);
  return done;
}

}  // namespace netobs::nic
