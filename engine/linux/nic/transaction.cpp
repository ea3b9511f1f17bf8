#include "linux/nic/transaction.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <utility>

namespace netobs::nic {

Transaction::Transaction(Transaction&& other) noexcept
    : device_(other.device_),
      subject_(std::move(other.subject_)),
      need_(other.need_),
      force_(other.force_),
      forced_(other.forced_),
      found_(other.found_),
      search_(std::move(other.search_)),
      directory_(std::exchange(other.directory_, std::nullopt)),
      users_(std::move(other.users_)),
      remarks_(std::move(other.remarks_)) {}

Transaction::~Transaction() {
  // Where nobody can be told; the note stays for the next start.
  (void)end();
}

Result<Transaction> Transaction::begin(HwtstampDevice& device, NicSubject subject,
                                       const std::string& state_directory, const Need& need,
                                       bool force) {
  Transaction made(device, std::move(subject), need, force);
  auto directory = StateDirectory::open(state_directory, true);
  // After `made`, so that it is free again when an error makes that one end.
  std::optional<os::Fd> mutex;
  if (directory) {
    if (auto locked = directory->lock()) {
      mutex = std::move(*locked);
    } else {
      directory = std::unexpected(std::move(locked).error());
    }
  }
  if (!directory) {
    NETOBS_TRY_VOID(made.start_search());
    if (!suffices(made.search_->in_force(), need)) return std::unexpected(directory.error());
    made.remarks_.push_back(fmt::format("Another netobs may change the setting meanwhile: {}.",
                                        directory.error().brief()));
    return made;
  }
  made.directory_ = std::move(*directory);
  NETOBS_TRY(others, made.join());
  NETOBS_TRY_VOID(made.start_search());
  if (suffices(made.search_->in_force(), need)) return made;
  if (others) return fail(made.needed_by("Another netobs"));
  NETOBS_TRY_VOID(made.change());
  return made;
}

/// Counts itself among the users. True: there are others. The first one clears up after a crash.
Result<bool> Transaction::join() {
  NETOBS_TRY(users, directory_->open_lock_file(subject_.files.users));
  users_ = std::move(users);
  const bool alone = try_lock_alone(users_);
  if (alone) {
    NETOBS_TRY(done, put_back(*device_, subject_, *directory_));
    if (auto text = leftover_text(subject_, done); !text.empty()) {
      remarks_.push_back(std::move(text));
    }
  }
  if (!lock_shared(users_)) {
    return fail(
        {.what = "lock " + subject_.files.users, .sys_errno = errno, .cause = "", .remedy = ""});
  }
  return !alone;
}

Result<void> Transaction::start_search() {
  const auto now = setting_of(*device_);
  if (!now) {
    return fail({.what = "ask for the timestamping of " + subject_.nic.interface,
                 .sys_errno = now.error(),
                 .cause = "",
                 .remedy = "`ethtool -T` asks its driver too."});
  }
  found_ = *now;
  auto start = found_;
  if (!start && directory_) {
    // What another one of ours set is the best that is known.
    NETOBS_TRY(note, saved());
    if (note) start = note->applied;
  }
  search_.emplace(*device_, need_, start);
  return {};
}

Result<void> Transaction::change() {
  const auto dependents = dependents_text(subject_.ptp_users());
  if (!dependents.empty() && !force_) return fail(needed_by(dependents));
  forced_ = !dependents.empty();
  if (forced_) {
    remarks_.push_back(fmt::format("Changed by force although {} depends on it.", dependents));
  }
  if (!found_) {
    remarks_.push_back(fmt::format(
        "The driver of {} does not tell its setting; rx_filter none, tx_type off will be restored.",
        subject_.nic.interface));
  }
  NETOBS_TRY_VOID(note(std::nullopt));
  NETOBS_TRY_VOID(search_->take_first());
  return note(search_->in_force());
}

Result<bool> Transaction::take_next() {
  if (!directory_) {
    search_->give_up("Without the state folder the filter is left alone.");
    return false;
  }
  const auto mutex = directory_->lock();
  if (!mutex) return std::unexpected(mutex.error());
  const bool alone = try_lock_alone(users_);
  if (!lock_shared(users_)) {
    return fail(
        {.what = "lock " + subject_.files.users, .sys_errno = errno, .cause = "", .remedy = ""});
  }
  const auto dependents = alone ? dependents_text(subject_.ptp_users()) : "Another netobs";
  if (!dependents.empty() && !(alone && force_)) {
    search_->give_up(dependents + " depends on the filter, so no other one was tried.");
    return false;
  }
  forced_ = !dependents.empty();
  NETOBS_TRY_VOID(note(std::nullopt));
  NETOBS_TRY(taken, search_->take_next());
  NETOBS_TRY_VOID(note(search_->in_force()));
  return taken;
}

Result<void> Transaction::end() {
  if (!directory_) return {};
  const auto directory = std::exchange(directory_, std::nullopt);
  // Whatever happens: whoever comes next is not to wait for this process.
  const os::Fd users = std::move(users_);
  const auto mutex = directory->lock();
  if (!mutex) return std::unexpected(mutex.error());
  // Without a file begin() came to nothing; else others take care of it.
  if (!users || !try_lock_alone(users)) return {};
  NETOBS_TRY(done, put_back(*device_, subject_, *directory));
  if (!done.restored && !done.sentence.empty()) remarks_.push_back(std::move(done.sentence));
  directory->remove(subject_.files.users);
  return {};
}

Result<std::optional<SavedSetting>> Transaction::saved() const {
  NETOBS_TRY(text, directory_->read(subject_.files.saved, most_saved_bytes));
  if (!text) return std::nullopt;
  auto parsed = parse_saved_setting(*text);
  if (parsed && parsed->nic != subject_.nic) return std::nullopt;
  return parsed;
}

/// Writes down what is to be restored, before and after a change.
Result<void> Transaction::note(std::optional<HwtstampConfig> applied) const {
  NETOBS_TRY(before, saved());
  const SavedSetting now{.nic = subject_.nic,
                         // Of the first who changed it, who may have left by now.
                         .original = before ? before->original : found_,
                         .applied = applied,
                         .forced = before ? before->forced : forced_};
  return directory_->write(subject_.files.saved, encode(now));
}

Error Transaction::needed_by(const std::string& dependents) const {
  const bool disguise_helps = need_.rx && !need_.ptp_disguise && found_ &&
                              suffices(*found_, {.tx = need_.tx, .rx = true, .ptp_disguise = true});
  const bool ours = dependents == "Another netobs";
  std::string remedy = ours ? "Wait for its end" : "Stop it";
  if (disguise_helps) remedy += ", or use --ptp-disguise, for which the present setting will do";
  if (!ours) remedy += ", or change it all the same with --nic-force";
  return {.what = fmt::format("change the timestamping of {} ({}), which {} depends on",
                              subject_.nic.interface,
                              found_ ? describe(*found_) : "setting unknown", dependents),
          .sys_errno = EBUSY,
          .cause = "",
          .remedy = remedy + "."};
}

std::vector<std::string> Transaction::remarks() const {
  auto all = remarks_;
  if (search_) all.insert(all.end(), search_->remarks().begin(), search_->remarks().end());
  return all;
}

}  // namespace netobs::nic
