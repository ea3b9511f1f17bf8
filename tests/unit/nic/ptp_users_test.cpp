#include "linux/nic/ptp_users.hpp"

#include <gmock/gmock.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>

#include "linux/nic/ptp_evidence.hpp"

namespace netobs::nic {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::Field;

bool uses_eth0(const char* program, const ProcessText& text) {
  return may_use(*ptp_program(program), text, "eth0",
                 [](std::string_view word) { return word == "eth0" || word == "eth1"; });
}

TEST(PtpEvidence, ArgumentsNameTheInterface) {
  EXPECT_TRUE(uses_eth0("ptp4l", {.arguments = {"ptp4l", "-i", "eth0", "-m"}}));
  EXPECT_TRUE(uses_eth0("ptp4l", {.arguments = {"ptp4l", "-ieth0"}}));
  EXPECT_TRUE(uses_eth0("ptp4l", {.arguments = {"ptp4l", "-i", "eth1", "-i", "eth0"}}));
  EXPECT_TRUE(uses_eth0("ptp4l", {.arguments = {"ptp4l", "-i", "eth0.5"}}));  // a VLAN of it
  EXPECT_FALSE(uses_eth0("ptp4l", {.arguments = {"ptp4l", "-i", "eth1"}}));
  EXPECT_FALSE(uses_eth0("ptp4l", {.arguments = {"ptp4l", "-ieth1"}}));
}

TEST(PtpEvidence, ConfigurationsNameTheInterface) {
  const ProcessText here{.arguments = {"ptp4l", "-f", "/x"},
                         .configuration = "[global]\n[eth1]\n[eth0]\ndelay_mechanism P2P\n"};
  EXPECT_TRUE(uses_eth0("ptp4l", here));
  const ProcessText elsewhere{.arguments = {"ptp4l", "-f", "/x"},
                              .configuration = "[global]\n# [eth0]\n[eth1]\n"};
  EXPECT_FALSE(uses_eth0("ptp4l", elsewhere));
  EXPECT_TRUE(uses_eth0("statime", {.configuration = "interface = \"eth0\"\n"}));
}

TEST(PtpEvidence, WhoDoesNotSayMayUseIt) {
  EXPECT_TRUE(uses_eth0("ptp4l", {.arguments = {"ptp4l", "-f", "/unreadable"}}));
  EXPECT_TRUE(uses_eth0("phc2sys", {.arguments = {"phc2sys", "-a", "-r"}}));
}

TEST(PtpEvidence, ChronyStampsByTheNicOnlyWhenTold) {
  EXPECT_FALSE(uses_eth0("chronyd", {.configuration = "pool x iburst\n#hwtimestamp *\n"}));
  EXPECT_TRUE(uses_eth0("chronyd", {.configuration = "pool x\nhwtimestamp *\n"}));
  EXPECT_TRUE(uses_eth0("chronyd", {.configuration = "hwtimestamp eth0 minpoll 1"}));
  EXPECT_FALSE(uses_eth0("chronyd", {.configuration = "hwtimestamp eth1\nallow eth0\n"}));
}

TEST(PtpEvidence, OnlyTheseProgramsCount) {
  EXPECT_EQ(ptp_program("bash"), nullptr);
  EXPECT_EQ(ptp_program(""), nullptr);
  EXPECT_TRUE(ptp_program("ptp4l")->needs_setting);
  EXPECT_FALSE(ptp_program("phc2sys")->needs_setting);
}

TEST(PtpEvidence, TheNamedConfiguration) {
  EXPECT_EQ(named_configuration({"ptp4l", "-f", "/etc/a", "-m"}), "/etc/a");
  EXPECT_EQ(named_configuration({"ptp4l", "-f/etc/a"}), "/etc/a");
  EXPECT_EQ(named_configuration({"ptp4l", "-f"}), "");
  EXPECT_EQ(named_configuration({"-f"}), "");
  EXPECT_EQ(named_configuration({}), "");
}

TEST(PtpEvidence, ASocketOnPort319) {
  EXPECT_EQ(ptp_event_socket("  412: 00000000:013F 00000000:0000 07 00000000:00000000 00:00000000 "
                             "00000000     0        0 31337 2 0000000000000000 0"),
            31337U);
  EXPECT_EQ(ptp_event_socket("  413: 00000000:0140 00000000:0000 07 00000000:00000000 00:00000000 "
                             "00000000     0        0 31338 2 0000000000000000 0"),
            std::nullopt);
  // The remote port is nobody's claim.
  EXPECT_EQ(ptp_event_socket("  414: 0100007F:8000 0100007F:013F 01 00000000:00000000 00:00000000 "
                             "00000000     0        0 31339 2 0000000000000000 0"),
            std::nullopt);
  EXPECT_EQ(ptp_event_socket(""), std::nullopt);
  EXPECT_EQ(ptp_event_socket("sl local:013F x"), std::nullopt);
}

TEST(PtpUsers, AProcessOfThatNameIsFound) {
  std::array<int, 2> ready{};
  ASSERT_EQ(::pipe(ready.data()), 0);
  const auto child = ::fork();
  if (child == 0) {
    ::prctl(PR_SET_NAME, "ptp4l");
    if (::write(ready[1], "x", 1) != 1) ::_exit(1);
    ::alarm(60);
    ::pause();
    ::_exit(0);
  }
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  EXPECT_THAT(ptp_users("eth0"),
              Contains(AllOf(Field(&PtpUser::program, "ptp4l"), Field(&PtpUser::pid, child),
                             Field(&PtpUser::needs_setting, true))));
  ::kill(child, SIGKILL);
  siginfo_t end{};
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(child), &end, WEXITED | WNOWAIT), 0);
  // Dead, and not yet waited for.
  EXPECT_THAT(ptp_users("eth0"), Not(Contains(Field(&PtpUser::pid, child))));
  ::waitpid(child, nullptr, 0);
  EXPECT_THAT(ptp_users("eth0"), Not(Contains(Field(&PtpUser::pid, child))));
  ::close(ready[0]);
  ::close(ready[1]);
}

}  // namespace
}  // namespace netobs::nic
