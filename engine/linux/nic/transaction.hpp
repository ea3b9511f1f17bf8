#pragma once
// One NIC's setting, shared by every process of ours that needs it: who changes it, and who puts it
// back.

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "linux/nic/filter_search.hpp"
#include "linux/nic/put_back.hpp"
#include "linux/nic/state_directory.hpp"

namespace netobs::nic {

/// Holds the setting from begin() to end(). Move-only.
class Transaction {
 public:
  /// The device outlives the transaction. `force`: although a PTP program depends on the present
  /// setting. Errors: see NicSetup::start().
  [[nodiscard]] static Result<Transaction> begin(HwtstampDevice& device, NicSubject subject,
                                                 const std::string& state_directory,
                                                 const Need& need, bool force);
  Transaction(Transaction&& other) noexcept;
  Transaction& operator=(Transaction&&) = delete;
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  /// end(), if it has not been called.
  ~Transaction();

  /// FilterSearch::take_next(), unless others rely on the present filter: then it is false too.
  [[nodiscard]] Result<bool> take_next();
  /// Restores when nobody else needs the setting. Done once.
  [[nodiscard]] Result<void> end();

  [[nodiscard]] const FilterSearch& search() const { return *search_; }
  /// nullopt: the driver could not be asked.
  [[nodiscard]] const std::optional<HwtstampConfig>& found() const { return found_; }
  /// Sentences: what was restored, refused, widened, left to others.
  [[nodiscard]] std::vector<std::string> remarks() const;

 private:
  Transaction(HwtstampDevice& device, NicSubject subject, const Need& need, bool force)
      : device_(&device), subject_(std::move(subject)), need_(need), force_(force) {}
  Result<void> start_search();
  Result<bool> join();
  Result<void> change();
  [[nodiscard]] Result<std::optional<SavedSetting>> saved() const;
  Result<void> note(std::optional<HwtstampConfig> applied) const;
  [[nodiscard]] Error needed_by(const std::string& dependents) const;

  HwtstampDevice* device_;
  NicSubject subject_;
  Need need_;
  bool force_;
  bool forced_ = false;  ///< a change was made although somebody depends on the setting
  std::optional<HwtstampConfig> found_;
  std::optional<FilterSearch> search_;
  std::optional<StateDirectory> directory_;  ///< nullopt: nothing to end
  os::Fd users_;
  std::vector<std::string> remarks_;
};

}  // namespace netobs::nic
