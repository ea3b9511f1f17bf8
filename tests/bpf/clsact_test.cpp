// The fallback for kernels without TCX leaves nothing behind, whatever happens to its process.

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <optional>
#include <string>

#include "bpf/lab.hpp"
#include "linux/timestamp/tc_netlink.hpp"

namespace netobs::test {
namespace {

using linux_bpf::TcFilter;
using linux_bpf::TcNetlink;

constexpr HookFeatures without_tcx{.tcx = false, .tai_clock = true, .btf = true};
constexpr std::uint32_t first_slot_qdisc_ours = 0x6e6f8000;
constexpr std::uint32_t second_slot_qdisc_ours = 0x6e6f8001;
constexpr std::uint32_t first_slot_qdisc_foreign = 0x6e6f0000;

class Clsact : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const auto reason = reason_to_skip()) GTEST_SKIP() << *reason;
    auto lab = lab::VethLab::create();
    ASSERT_TRUE(lab.has_value()) << lab.error().message();
    lab_.emplace(std::move(*lab));
    auto scope = os::NamespaceScope::enter(lab_->sender_side());
    ASSERT_TRUE(scope.has_value());
    scope_.emplace(std::move(*scope));
    auto netlink = TcNetlink::open();
    ASSERT_TRUE(netlink.has_value());
    netlink_.emplace(std::move(*netlink));
    interface_ = interface_index("va0");
  }
  void TearDown() override {
    for (const pid_t child : children_) end(child);
  }

  [[nodiscard]] Side start(HookFeatures features = without_tcx) const {
    return start_side("va0", next_port_++, Endpoint::v4({198, 18, 0, 2}, reflector_port),
                      points_of(Layer::tc), features);
  }

  /// A process that holds hooks until it is killed; returns when they are in place.
  pid_t start_in_child() {
    std::array<int, 2> ready{};
    EXPECT_EQ(::pipe(ready.data()), 0);
    const pid_t child = ::fork();
    if (child == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      const Side side = start();
      const char done = side.hooks != nullptr ? 'y' : 'n';
      (void)!::write(ready[1], &done, 1);
      while (true) ::pause();
    }
    char done = 0;
    ::close(ready[1]);
    EXPECT_EQ(::read(ready[0], &done, 1), 1);
    EXPECT_EQ(done, 'y');
    ::close(ready[0]);
    children_.push_back(child);
    ++next_port_;
    return child;
  }
  void kill_child(pid_t child) {
    end(child);
    std::erase(children_, child);
  }

  [[nodiscard]] std::vector<std::uint32_t> handles(Direction direction) const {
    std::vector<std::uint32_t> found;
    for (const auto& filter : netlink_->filters(interface_, direction)) {
      found.push_back(filter.handle);
    }
    return found;
  }
  void expect_filters(const std::vector<std::uint32_t>& expected) const {
    EXPECT_EQ(handles(Direction::tx), expected);
    EXPECT_EQ(handles(Direction::rx), expected);
  }
  [[nodiscard]] static bool has_clsact() {
    return run({"tc", "qdisc", "show", "dev", "va0"}).find("clsact") != std::string::npos;
  }
  static void add_foreign_filter() {
    run({"tc", "filter", "add", "dev", "va0", "egress", "prio", "7", "protocol", "all", "handle",
         "800::800", "u32", "match", "u32", "0", "0", "classid", "1:1"});
  }
  static bool has_foreign_filter() {
    return run({"tc", "filter", "show", "dev", "va0", "egress"}).find("u32") != std::string::npos;
  }

  std::optional<lab::VethLab> lab_;
  std::optional<os::NamespaceScope> scope_;
  std::optional<TcNetlink> netlink_;
  int interface_ = 0;

 private:
  static void end(pid_t child) {
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
  }
  std::vector<pid_t> children_;
  mutable std::uint16_t next_port_ = sender_port;
};

TEST_F(Clsact, FiltersAndQdiscGoWithTheHooks) {
  EXPECT_FALSE(has_clsact());
  {
    const Side side = start();
    ASSERT_NE(side.hooks, nullptr);
    EXPECT_TRUE(has_clsact());
    expect_filters({first_slot_qdisc_ours});
    EXPECT_TRUE(side.hooks->description().starts_with("tc by clsact filters on va0; clock "))
        << side.hooks->description();
  }
  expect_filters({});
  EXPECT_FALSE(has_clsact());
}

TEST_F(Clsact, TcxLeavesNoQdisc) {
  const Side side = start({});
  ASSERT_NE(side.hooks, nullptr);
  EXPECT_FALSE(has_clsact());
  EXPECT_TRUE(side.hooks->description().starts_with("tc by TCX links on va0; clock "))
      << side.hooks->description();
}

TEST_F(Clsact, CleanedFromAnotherNamespace) {
  Side side = start();
  scope_.reset();
  side.hooks.reset();
  auto scope = os::NamespaceScope::enter(lab_->sender_side());
  ASSERT_TRUE(scope.has_value());
  expect_filters({});
  EXPECT_FALSE(has_clsact());
}

TEST_F(Clsact, AForeignQdiscStays) {
  run({"tc", "qdisc", "add", "dev", "va0", "clsact"});
  {
    const Side side = start();
    expect_filters({first_slot_qdisc_foreign});
  }
  expect_filters({});
  EXPECT_TRUE(has_clsact());
}

TEST_F(Clsact, AForeignFilterStaysAndKeepsOurQdisc) {
  {
    const Side side = start();
    add_foreign_filter();
  }
  EXPECT_TRUE(has_foreign_filter());
  EXPECT_TRUE(has_clsact());
}

TEST_F(Clsact, TwoAtOnceAndTheLastRemovesTheQdisc) {
  Side first = start();
  Side second = start();
  EXPECT_EQ(handles(Direction::tx).size(), 2U);
  first.hooks.reset();
  expect_filters({second_slot_qdisc_ours});
  second.hooks.reset();
  expect_filters({});
  EXPECT_FALSE(has_clsact());
}

TEST_F(Clsact, WhatAKilledProcessLeftIsRemovedAtTheNextStart) {
  for (const auto features : {HookFeatures{}, without_tcx}) {
    kill_child(start_in_child());
    expect_filters({first_slot_qdisc_ours});
    {
      const Side side = start(features);
      ASSERT_NE(side.hooks, nullptr);
      EXPECT_EQ(handles(Direction::tx).size(), features.tcx ? 0U : 1U);
    }
    expect_filters({});
    EXPECT_FALSE(has_clsact());
  }
}

TEST_F(Clsact, StaleFiltersGoAndForeignOnesStay) {
  const pid_t child = start_in_child();
  add_foreign_filter();
  kill_child(child);
  {
    const Side side = start();
  }
  EXPECT_TRUE(has_foreign_filter());
  EXPECT_TRUE(has_clsact());
}

TEST_F(Clsact, FiltersOfALivingProcessStay) {
  const pid_t child = start_in_child();
  {
    const Side side = start();
  }
  expect_filters({first_slot_qdisc_ours});
  kill_child(child);
}

}  // namespace
}  // namespace netobs::test
