// engine/linux/nic on NICs that have clocks: hwts0 and hwts1 of tests/vm/hwtsim, as root, in the
// virtual machine. tests/vm/guest/nic_box.py loads the module and runs this.

#include <gmock/gmock.h>
#include <linux/capability.h>
#include <linux/if_packet.h>
#include <linux/net_tstamp.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <thread>

#include "linux/nic/abilities.hpp"
#include "linux/nic/nic_device.hpp"
#include "linux/nic/nic_setup.hpp"
#include "linux/nic/phc.hpp"
#include "linux/nic/ptp_users.hpp"
#include "linux/os/clock.hpp"
#include "linux/os/netns.hpp"

namespace netobs::nic {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr const char* nic = "hwts0";
enum FilterMode { take_all = 0, widen_ptp = 1, ptp_only = 2, no_rx = 3 };  // hwtsim.h

void set_parameter(const char* name, int value) {
  std::ofstream(std::string("/sys/module/hwtsim/parameters/") + name) << value << ",0";
}

HwtstampConfig setting() {
  return NicDevice::open(nic).value().get().value();
}

class NicBox : public testing::Test {
 protected:
  NicBox() {
    std::string pattern = "/tmp/netobs-nic-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    set_parameter("filter", take_all);
    EXPECT_TRUE(NicDevice::open(nic).value().set({}));
  }
  void TearDown() override {
    set_parameter("filter", take_all);
    set_parameter("tx_outstanding", 0);
    set_parameter("tx_delay_us", 0);
    EXPECT_EQ(setting(), HwtstampConfig{});  // whatever the test did
  }
  [[nodiscard]] NicOptions options(bool disguise = false) const {
    return {.interface = nic, .ptp_disguise = disguise, .state_directory = folder_};
  }
  std::string folder_;
};

/// Runs `work` in a child process, which ends without destructors; its exit status.
template <class Work>
int in_child(Work work) {
  const auto child = ::fork();
  if (child == 0) ::_exit(work());
  int status = -1;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST_F(NicBox, TheDriverTellsItsAbilities) {
  const auto can = abilities(nic).value();
  EXPECT_TRUE(can.tx_hardware && can.rx_hardware && can.raw_hardware);
  EXPECT_GE(can.phc_index, 0);
  EXPECT_THAT(can.tx_types, ElementsAre("off", "on"));
  EXPECT_THAT(can.rx_filters, ElementsAre("none", "all"));
  EXPECT_EQ(can.rx_filter, "none");
  EXPECT_EQ(can.tx_type, "off");
}

TEST_F(NicBox, ChangesAndRestores) {
  {
    auto setup = NicSetup::start(options());
    ASSERT_TRUE(setup) << setup.error().message();
    EXPECT_EQ(setup->report().changed, "rx_filter none -> all, tx_type off -> on");
    EXPECT_TRUE(setup->report().may_stamp_ours);
    EXPECT_EQ(setting(), (HwtstampConfig{HWTSTAMP_TX_ON, HWTSTAMP_FILTER_ALL}));
    // A second one joins.
    auto second = NicSetup::start(options());
    ASSERT_TRUE(second) << second.error().message();
    EXPECT_EQ(second->report().changed, "");
    ASSERT_TRUE(setup->restore());
    EXPECT_EQ(setting(), (HwtstampConfig{HWTSTAMP_TX_ON, HWTSTAMP_FILTER_ALL}));
  }
  EXPECT_EQ(setting(), HwtstampConfig{});
}

TEST_F(NicBox, AFilterThatIsRefusedIsReachedByOneThatIsWidened) {
  set_parameter("filter", widen_ptp);
  auto setup = NicSetup::start(options());
  ASSERT_TRUE(setup) << setup.error().message();
  EXPECT_EQ(setup->report().rx_filter, "all");
  EXPECT_THAT(setup->report().remarks, Contains("The driver refuses rx_filter all."));
}

TEST_F(NicBox, PtpFiltersAreForPacketsInDisguise) {
  set_parameter("filter", ptp_only);
  {
    auto plain = NicSetup::start(options());
    ASSERT_TRUE(plain) << plain.error().message();
    EXPECT_FALSE(plain->report().may_stamp_ours);
    EXPECT_EQ(plain->report().changed, "tx_type off -> on");
    EXPECT_EQ(setting(), (HwtstampConfig{HWTSTAMP_TX_ON, HWTSTAMP_FILTER_NONE}));
  }
  auto disguised = NicSetup::start(options(true));
  ASSERT_TRUE(disguised) << disguised.error().message();
  EXPECT_EQ(disguised->report().rx_filter, "ptpv2-l4-event");
  EXPECT_EQ(disguised->try_next_filter().value(), true);
  EXPECT_EQ(disguised->report().rx_filter, "ptpv2-event");
  EXPECT_EQ(disguised->try_next_filter().value(), false);
  EXPECT_EQ(disguised->report().changed, "tx_type off -> on");
}

TEST_F(NicBox, ANicThatReceivesWithoutTimestampsStillSendsWithThem) {
  set_parameter("filter", no_rx);
  auto setup = NicSetup::start(options(true));
  ASSERT_TRUE(setup) << setup.error().message();
  EXPECT_EQ(setup->report().changed, "tx_type off -> on");
  EXPECT_FALSE(setup->report().may_stamp_ours);
  ASSERT_TRUE(setup->restore());
  auto receiver = options(true);
  receiver.tx = false;
  const auto nothing = NicSetup::start(receiver);
  ASSERT_FALSE(nothing);
  EXPECT_THAT(nothing.error().message(), HasSubstr("refuses rx_filter ptpv2-sync"));
}

TEST_F(NicBox, ACrashIsClearedUp) {
  std::array<int, 2> ready{};
  ASSERT_EQ(::pipe(ready.data()), 0);
  const auto child = ::fork();
  if (child == 0) {
    auto setup = NicSetup::start(options());
    if (!setup || ::write(ready[1], "x", 1) != 1) ::_exit(1);
    ::alarm(60);
    ::pause();
    ::_exit(0);
  }
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  EXPECT_EQ(setting(), (HwtstampConfig{HWTSTAMP_TX_ON, HWTSTAMP_FILTER_ALL}));
  EXPECT_THAT(restore_leftovers(folder_), IsEmpty());  // it lives
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  EXPECT_EQ(setting(), (HwtstampConfig{HWTSTAMP_TX_ON, HWTSTAMP_FILTER_ALL}));
  EXPECT_THAT(restore_leftovers(folder_),
              ElementsAre("A netobs that was cut short had left hwts0 changed; restored: rx_filter "
                          "all -> none, tx_type on -> off."));
  EXPECT_EQ(setting(), HwtstampConfig{});
  EXPECT_THAT(restore_leftovers(folder_), IsEmpty());
}

TEST_F(NicBox, APtpProgramIsAskedAbout) {
  const auto child = ::fork();
  if (child == 0) {
    ::prctl(PR_SET_NAME, "ptp4l");
    ::alarm(60);
    ::pause();
    ::_exit(0);
  }
  while (ptp_users(nic).empty()) std::this_thread::yield();
  const auto refused = NicSetup::start(options());
  EXPECT_THAT(refused ? "" : refused.error().message(), HasSubstr("--nic-force"));
  EXPECT_EQ(setting(), HwtstampConfig{});
  auto forced_options = options();
  forced_options.force = true;
  const auto forced = NicSetup::start(forced_options);
  EXPECT_TRUE(forced);
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
}

TEST_F(NicBox, WithoutTheCapabilityItSaysSo) {
  EXPECT_EQ(in_child([&] {
              __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
              std::array<__user_cap_data_struct, 2> none{};
              if (::syscall(SYS_capset, &header, none.data()) != 0) return 2;
              const auto setup = NicSetup::start(options());
              if (setup) return 3;
              return setup.error().message().find("CAP_NET_ADMIN") != std::string::npos ? 0 : 4;
            }),
            0);
}

TEST_F(NicBox, ItRestoresTheSameNicFromAnotherNamespace) {
  auto setup = NicSetup::start(options());
  ASSERT_TRUE(setup) << setup.error().message();
  const auto elsewhere = os::NetworkNamespace::create().value();
  const auto scope = os::NamespaceScope::enter(elsewhere);
  ASSERT_TRUE(scope);
  EXPECT_EQ(::if_nametoindex(nic), 0U);
  ASSERT_TRUE(setup->restore());
}

/// Sends frames of an experimental protocol that ask for a hardware timestamp.
void send_frames(int count) {
  const os::Fd socket(::socket(AF_PACKET, SOCK_DGRAM, 0));
  const int flags = SOF_TIMESTAMPING_TX_HARDWARE | SOF_TIMESTAMPING_RAW_HARDWARE;
  ASSERT_EQ(::setsockopt(socket.get(), SOL_SOCKET, SO_TIMESTAMPING_NEW, &flags, sizeof flags), 0);
  sockaddr_ll to{};
  to.sll_family = AF_PACKET;
  to.sll_ifindex = static_cast<int>(::if_nametoindex(nic));
  to.sll_protocol = htons(0x88b5);
  to.sll_halen = 6;
  for (int i = 0; i < count; ++i) {
    const std::array<char, 64> frame{};
    ASSERT_EQ(::sendto(socket.get(), frame.data(), frame.size(), 0,
                       reinterpret_cast<const sockaddr*>(&to), sizeof to),
              64);
  }
}

TEST_F(NicBox, SkippedTransmissionsAreCounted) {
  auto setup = NicSetup::start(options());
  ASSERT_TRUE(setup) << setup.error().message();
  EXPECT_EQ(setup->tx_skipped(), 0U);
  set_parameter("tx_delay_us", 10'000'000);  // longer than a machine stands still
  set_parameter("tx_outstanding", 2);
  send_frames(10);
  EXPECT_EQ(setup->tx_skipped(), 8U);
}

/// What hwtsim was loaded with, for each of its NICs.
std::array<long, 2> loaded_with(const char* parameter) {
  std::ifstream file(std::string("/sys/module/hwtsim/parameters/") + parameter);
  std::array<long, 2> values{};
  char comma = 0;
  file >> values[0] >> comma >> values[1];
  EXPECT_TRUE(file);
  return values;
}

void expect_clock(const char* interface, std::string_view method, std::int64_t ahead_ns) {
  auto clock = Phc::open(abilities(interface).value().phc_index);
  ASSERT_TRUE(clock) << clock.error().message();
  EXPECT_EQ(clock->method(), method);
  const auto before = os::realtime_now().ns;
  const auto seen = clock->read();
  const auto after = os::realtime_now().ns;
  ASSERT_TRUE(seen) << seen.error().message();
  EXPECT_GE(seen->realtime_ns + seen->half_width_ns, before);
  EXPECT_LE(seen->realtime_ns - seen->half_width_ns, after);
  EXPECT_GE(seen->half_width_ns, 1);
  // The module's clocks run by CLOCK_MONOTONIC_RAW, from which the system's discipline moves away.
  const auto slack_ns = seen->half_width_ns + 50'000'000;
  EXPECT_LE(std::abs(seen->nic_ns - seen->realtime_ns - ahead_ns), slack_ns);
}

TEST_F(NicBox, ClocksAreComparedInTheBestWayThereIs) {
  constexpr std::array<std::string_view, 3> methods{"PTP_SYS_OFFSET", "PTP_SYS_OFFSET_EXTENDED",
                                                    "PTP_SYS_OFFSET_PRECISE"};
  const auto cross = loaded_with("cross");
  const auto ahead_ns = loaded_with("offset_ns");
  expect_clock("hwts0", methods.at(static_cast<std::size_t>(cross[0])), ahead_ns[0]);
  expect_clock("hwts1", methods.at(static_cast<std::size_t>(cross[1])), ahead_ns[1]);
  const auto none = Phc::open(77);
  ASSERT_FALSE(none);
  EXPECT_THAT(none.error().message(), HasSubstr("--device /dev/ptp77"));
}

}  // namespace
}  // namespace netobs::nic
