#include "linux/nic/nic_setup.hpp"

namespace netobs::nic {
namespace {

std::unexpected<Error> not_yet(const char* what) {
  return fail({.what = what, .cause = "This part is being written.", .remedy = ""});
}

}  // namespace

class NicSetup::Hold {
 public:
  NicReport report;
};

NicSetup::NicSetup(std::unique_ptr<Hold> hold) : hold_(std::move(hold)) {}
NicSetup::NicSetup(NicSetup&&) noexcept = default;
NicSetup& NicSetup::operator=(NicSetup&&) noexcept = default;
NicSetup::~NicSetup() = default;
Result<NicSetup> NicSetup::start(const NicOptions&) {
  return not_yet("set the NIC's timestamping");
}
const NicReport& NicSetup::report() const {
  return hold_->report;
}
Result<bool> NicSetup::try_next_filter() {
  return not_yet("try the next filter");
}
std::optional<std::uint64_t> NicSetup::tx_skipped() const {
  return std::nullopt;
}
Result<void> NicSetup::restore() {
  return {};
}
std::vector<std::string> restore_leftovers(const std::string&) {
  return {};
}

}  // namespace netobs::nic
