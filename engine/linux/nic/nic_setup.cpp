#include "linux/nic/nic_setup.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <net/if.h>

#include <cerrno>

#include "linux/nic/abilities.hpp"
#include "linux/nic/driver_counters.hpp"
#include "linux/nic/nic_device.hpp"
#include "linux/nic/transaction.hpp"
#include "linux/os/host_facts.hpp"
#include "linux/os/interface.hpp"
#include "linux/os/netns.hpp"

namespace netobs::nic {
namespace {

NicSubject subject_of(const NicDevice& device, std::uint32_t netns_inode) {
  const auto name = device.name();
  return {.nic = {.interface = name,
                  .mac = fmt::format("{:02x}", fmt::join(device.mac(), ":")),
                  .boot_id = os::read_first_line("/proc/sys/kernel/random/boot_id")},
          .files = nic_files(netns_inode, device.index()),
          .ptp_users = [name] { return ptp_users(name); }};
}

std::unexpected<Error> no_hardware(const std::string& interface) {
  return fail({.what = fmt::format("have {} stamp packets", interface),
               .sys_errno = EOPNOTSUPP,
               .cause = "Its driver offers no hardware timestamps.",
               .remedy = "Use an interface for which `ethtool -T` shows hardware-transmit and "
                         "hardware-receive."});
}

/// The setting of a bond is that of whichever port is active: what was set on one would be restored
/// on another.
Result<void> refuse_bond(const std::string& interface) {
  const auto facts = os::interface_facts(interface);
  if (!facts || (facts->driver != "bonding" && facts->driver != "team")) return {};
  return fail({.what = fmt::format("have {} stamp packets", interface),
               .sys_errno = EOPNOTSUPP,
               .cause = "It is several NICs, each with a clock of its own.",
               .remedy = "Measure through one that is no port of a bond."});
}

/// One NIC's part of restore_leftovers(); a sentence, or "".
std::string restore_leftover(const StateDirectory& directory, std::uint32_t netns_inode,
                             int index) {
  const auto files = nic_files(netns_inode, index);
  const auto mutex = directory.lock();
  if (!mutex) return {};
  const auto users = directory.open_lock_file(files.users);
  if (!users || !try_lock_alone(*users)) return {};
  auto device = NicDevice::open(index);
  if (!device) return {};
  const auto subject = subject_of(*device, netns_inode);
  const auto done = put_back(*device, subject, directory);
  directory.remove(files.users);
  return done ? leftover_text(subject, *done) : done.error().sentence();
}

}  // namespace

/// What a NicSetup owns; it does not move, because its parts point to each other.
class NicSetup::Hold {
 public:
  explicit Hold(NicDevice opened) : device(std::move(opened)), counters(device) {}
  Hold(const Hold&) = delete;
  Hold& operator=(const Hold&) = delete;
  ~Hold() = default;

  /// Brings the report up to date.
  void tell() {
    const auto& search = transaction->search();
    const auto& now = search.in_force();
    report.rx_filter = rx_filter_name(now.rx_filter);
    report.tx_type = tx_type_name(now.tx_type);
    report.changed = describe_change(search.found(), now);
    report.may_stamp_ours = search.may_stamp_received();
    tell_remarks();
  }
  void tell_remarks() {
    report.remarks = first_remarks;
    for (auto& remark : transaction->remarks()) report.remarks.push_back(std::move(remark));
  }

  NicDevice device;
  UnstampedTx counters;
  std::vector<std::string> first_remarks;
  NicReport report;
  std::optional<Transaction> transaction;
};

NicSetup::NicSetup(std::unique_ptr<Hold> hold) : hold_(std::move(hold)) {}
NicSetup::NicSetup(NicSetup&&) noexcept = default;
NicSetup& NicSetup::operator=(NicSetup&&) noexcept = default;
NicSetup::~NicSetup() = default;

Result<NicSetup> NicSetup::start(const NicOptions& options) {
  NETOBS_TRY(home, os::NetworkNamespace::current());
  NETOBS_TRY(device, NicDevice::open(options.interface));
  NETOBS_TRY_VOID(refuse_bond(device.name()));
  const auto can = abilities(device);
  if (!can.tx_hardware && !can.rx_hardware && can.tx_type.empty()) {
    return no_hardware(options.interface);
  }
  auto hold = std::make_unique<Hold>(std::move(device));
  const auto subject = subject_of(hold->device, home.inode());
  hold->report.interface = subject.nic.interface;
  hold->report.phc_index = can.phc_index;
  if (subject.nic.interface != options.interface) {
    hold->first_remarks.push_back(fmt::format("{} is a VLAN; {} below it stamps its packets.",
                                              options.interface, subject.nic.interface));
  }
  const Need need{.tx = options.tx, .rx = options.rx, .ptp_disguise = options.ptp_disguise};
  auto begun =
      Transaction::begin(hold->device, subject, options.state_directory, need, options.force);
  if (!begun) return std::unexpected(std::move(begun).error());
  hold->transaction.emplace(std::move(*begun));
  hold->tell();
  return NicSetup(std::move(hold));
}

const NicReport& NicSetup::report() const {
  return hold_->report;
}

Result<bool> NicSetup::try_next_filter() {
  auto taken = hold_->transaction->take_next();
  hold_->tell();
  return taken;
}

std::optional<std::uint64_t> NicSetup::tx_skipped() const {
  return hold_->counters.count();
}

Result<void> NicSetup::restore() {
  auto done = hold_->transaction->end();
  // The rest of the report stays: it is what the measurement was made with.
  hold_->tell_remarks();
  return done;
}

std::vector<std::string> restore_leftovers(const std::string& state_directory) {
  const auto home = os::NetworkNamespace::current();
  const auto directory = StateDirectory::open(state_directory, false);
  std::vector<std::string> sentences;
  if (!home || !directory) return sentences;
  for (const int index : saved_indexes(*directory, home->inode())) {
    auto sentence = restore_leftover(*directory, home->inode(), index);
    if (!sentence.empty()) sentences.push_back(std::move(sentence));
  }
  return sentences;
}

}  // namespace netobs::nic
