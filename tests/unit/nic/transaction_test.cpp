#include "linux/nic/transaction.hpp"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "fake_nic.hpp"
#include "linux/nic/nic_setup.hpp"

namespace netobs::nic {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
namespace fs = std::filesystem;

constexpr Need plain{};
constexpr Need disguised{.ptp_disguise = true};

class TransactionTest : public testing::Test {
 protected:
  TransactionTest() {
    std::string pattern = testing::TempDir() + "netobs-nic-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
  }
  void TearDown() override { fs::remove_all(folder_); }

  NicSubject subject() {
    return {.nic = {.interface = "eth0", .mac = "02:00:00:00:00:01", .boot_id = "boot"},
            .files = nic_files(4026531840, 2),
            .ptp_users = [this] { return users_; }};
  }
  Result<Transaction> begin(FakeNic& nic, const Need& need = plain, bool force = false) {
    return Transaction::begin(nic, subject(), folder_, need, force);
  }
  [[nodiscard]] std::string path(const std::string& name) const { return folder_ + "/" + name; }
  [[nodiscard]] std::string saved_path() { return path(subject().files.saved); }
  /// What a crash leaves: another process begins, and is gone.
  void crash_with(const Need& need = plain, HwtstampConfig found = untouched) {
    const auto child = ::fork();
    if (child == 0) {
      FakeNic nic(found);
      auto held = begin(nic, need);
      ::_exit(held ? 0 : 1);  // without a destructor
    }
    int status = -1;
    ::waitpid(child, &status, 0);
    ASSERT_EQ(status, 0);
    ASSERT_TRUE(fs::exists(saved_path()));
  }
  void write(const std::string& file, const std::string& text) { std::ofstream(file) << text; }

  std::string folder_;
  std::vector<PtpUser> users_;
};

TEST_F(TransactionTest, ChangesAndRestores) {
  FakeNic nic;
  {
    auto held = begin(nic);
    ASSERT_TRUE(held) << held.error().message();
    EXPECT_EQ(nic.now, everything);
    EXPECT_TRUE(fs::exists(saved_path()));
  }
  EXPECT_EQ(nic.now, untouched);
  EXPECT_FALSE(fs::exists(saved_path()));
  EXPECT_FALSE(fs::exists(path(subject().files.users)));
}

TEST_F(TransactionTest, TheOriginalIsWrittenDownBeforeTheFirstChange) {
  FakeNic nic;
  std::string note;
  nic.answer = [&](const HwtstampConfig& config) -> FakeNic::Answer {
    std::ostringstream text;
    text << std::ifstream(saved_path()).rdbuf();
    note = text.str();
    return config;
  };
  auto held = begin(nic);
  ASSERT_TRUE(held);
  const auto saved = parse_saved_setting(note);
  ASSERT_TRUE(saved);
  EXPECT_EQ(saved->original, untouched);
  EXPECT_EQ(saved->applied, std::nullopt);
}

TEST_F(TransactionTest, ASettingThatSufficesIsLeftAlone) {
  FakeNic nic(everything);
  users_ = {{.program = "ptp4l", .pid = 7, .what = "w"}};
  {
    auto held = begin(nic);
    ASSERT_TRUE(held) << held.error().message();
    EXPECT_FALSE(fs::exists(saved_path()));
  }
  EXPECT_THAT(nic.asked, IsEmpty());
}

TEST_F(TransactionTest, TheLastUserRestores) {
  FakeNic nic;
  auto first = begin(nic);
  auto second = begin(nic);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(nic.asked.size(), 1U);
  ASSERT_TRUE(first->end());
  EXPECT_EQ(nic.now, everything);
  ASSERT_TRUE(second->end());
  EXPECT_EQ(nic.now, untouched);
  ASSERT_TRUE(second->end());  // done once
  EXPECT_EQ(nic.asked.size(), 2U);
}

TEST_F(TransactionTest, AnotherNeedThanTheFirstOnesIsRefused) {
  FakeNic nic;
  nic.answer = only({HWTSTAMP_FILTER_PTP_V2_L4_EVENT});
  auto first = begin(nic, disguised);
  ASSERT_TRUE(first) << first.error().message();
  const auto second = begin(nic, plain, true);
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().message(), HasSubstr("Another netobs"));
  EXPECT_THAT(second.error().message(), HasSubstr("--ptp-disguise"));
  EXPECT_EQ(nic.now, ptp4l_like);
}

TEST_F(TransactionTest, APtpProgramKeepsItsSetting) {
  FakeNic nic(ptp4l_like);
  users_ = {{.program = "phc2sys", .pid = 6, .what = "w", .needs_setting = false},
            {.program = "ptp4l", .pid = 7, .what = "w"}};
  const auto refused = begin(nic);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message(), HasSubstr("which ptp4l (process 7) depends on"));
  EXPECT_THAT(refused.error().message(), HasSubstr("--nic-force"));
  EXPECT_THAT(refused.error().message(), HasSubstr("--ptp-disguise"));
  EXPECT_THAT(nic.asked, IsEmpty());
  {
    auto forced = begin(nic, plain, true);
    ASSERT_TRUE(forced) << forced.error().message();
    EXPECT_EQ(nic.now, everything);
  }
  EXPECT_EQ(nic.now, ptp4l_like);
}

TEST_F(TransactionTest, WhoOnlyUsesTheClockDoesNotStopAChange) {
  FakeNic nic;
  users_ = {{.program = "phc2sys", .pid = 6, .what = "w", .needs_setting = false}};
  EXPECT_TRUE(begin(nic));
}

TEST_F(TransactionTest, ASettingThatSomebodyElseMadeStays) {
  FakeNic nic;
  auto held = begin(nic);
  ASSERT_TRUE(held);
  nic.now = ptp4l_like;
  ASSERT_TRUE(held->end());
  EXPECT_EQ(nic.now, ptp4l_like);
  EXPECT_THAT(held->remarks(), ElementsAre(HasSubstr("Somebody else has set eth0")));
  EXPECT_FALSE(fs::exists(saved_path()));
}

TEST_F(TransactionTest, APtpProgramThatCameMeanwhileKeepsTimestamps) {
  FakeNic nic;
  auto held = begin(nic);
  ASSERT_TRUE(held);
  users_ = {{.program = "ptp4l", .pid = 7, .what = "w"}};
  ASSERT_TRUE(held->end());
  EXPECT_EQ(nic.now, everything);
  EXPECT_THAT(held->remarks(), ElementsAre(HasSubstr("ptp4l (process 7) needs timestamps")));
}

TEST_F(TransactionTest, APtpProgramThatWasThereBeforeDoesNotKeepWhatWasForced) {
  FakeNic nic;
  users_ = {{.program = "ptp4l", .pid = 7, .what = "w"}};  // by software timestamps, as it seems
  {
    auto held = begin(nic, plain, true);
    ASSERT_TRUE(held);
    EXPECT_EQ(nic.now, everything);
  }
  EXPECT_EQ(nic.now, untouched);
}

TEST_F(TransactionTest, TheNextStartClearsUpAfterACrash) {
  crash_with();
  FakeNic nic(everything);
  {
    auto held = begin(nic, {.rx = false});
    ASSERT_TRUE(held) << held.error().message();
    EXPECT_THAT(held->remarks(), ElementsAre(HasSubstr("cut short")));
    EXPECT_EQ(nic.now, (HwtstampConfig{HWTSTAMP_TX_ON, HWTSTAMP_FILTER_NONE}));
  }
  EXPECT_EQ(nic.now, untouched);
}

TEST_F(TransactionTest, ACrashWhileAnotherLivesIsThatOnesToRestore) {
  FakeNic nic;
  {
    auto alive = begin(nic);
    ASSERT_TRUE(alive);
    crash_with(plain, everything);
    EXPECT_EQ(nic.now, everything);
  }
  EXPECT_EQ(nic.now, untouched);
}

TEST_F(TransactionTest, ANoteAboutAnotherDeviceIsNotBelieved) {
  crash_with();
  FakeNic nic(everything);
  auto other = subject();
  other.nic.mac = "02:00:00:00:00:02";
  auto held = Transaction::begin(nic, other, folder_, plain, false);
  ASSERT_TRUE(held);
  EXPECT_THAT(nic.asked, IsEmpty());
  EXPECT_THAT(held->remarks(), ElementsAre(HasSubstr("does not fit")));
  EXPECT_FALSE(fs::exists(saved_path()));
}

TEST_F(TransactionTest, ADamagedNoteIsRemoved) {
  for (const auto& text : {std::string("{"), std::string(), std::string("\0\xff", 2)}) {
    write(saved_path(), text);
    FakeNic nic(everything);
    auto held = begin(nic);
    ASSERT_TRUE(held);
    EXPECT_THAT(nic.asked, IsEmpty());
    EXPECT_THAT(held->remarks(), ElementsAre(HasSubstr("damaged")));
  }
}

TEST_F(TransactionTest, ANoteThatIsNoPlainFileOrTooLongIsAnError) {
  FakeNic nic;
  ASSERT_EQ(::mkfifo(saved_path().c_str(), 0600), 0);
  EXPECT_FALSE(begin(nic));
  fs::remove(saved_path());
  fs::create_symlink("/dev/zero", saved_path());
  EXPECT_FALSE(begin(nic));
  fs::remove(saved_path());
  write(saved_path(), std::string(5000, ' '));
  EXPECT_FALSE(begin(nic));
  EXPECT_THAT(nic.asked, IsEmpty());
}

TEST_F(TransactionTest, AFailedRestorationKeepsTheNote) {
  FakeNic nic;
  auto held = begin(nic);
  ASSERT_TRUE(held);
  nic.answer = [](const HwtstampConfig&) -> FakeNic::Answer { return std::unexpected(EPERM); };
  const auto ended = held->end();
  ASSERT_FALSE(ended);
  EXPECT_THAT(ended.error().message(), HasSubstr("hwstamp_ctl -i eth0 -r 0 -t 0"));
  EXPECT_TRUE(fs::exists(saved_path()));
  FakeNic later(everything);
  auto next = begin(later, {.rx = false});
  ASSERT_TRUE(next);
  EXPECT_THAT(next->remarks(), ElementsAre(HasSubstr("cut short")));
}

TEST_F(TransactionTest, ARefusedBeginLeavesNothingBehind) {
  FakeNic nic;
  nic.answer = [](const HwtstampConfig&) -> FakeNic::Answer { return std::unexpected(ERANGE); };
  EXPECT_FALSE(begin(nic));
  EXPECT_FALSE(fs::exists(saved_path()));
  EXPECT_FALSE(fs::exists(path(subject().files.users)));
}

TEST_F(TransactionTest, ADriverThatCannotBeAskedGoesBackToOff) {
  FakeNic nic;
  nic.get_error = EOPNOTSUPP;
  {
    auto held = begin(nic);
    ASSERT_TRUE(held);
    EXPECT_THAT(held->remarks(), ElementsAre(HasSubstr("does not tell")));
    auto second = begin(nic);  // it knows what the first one set
    EXPECT_TRUE(second) << second.error().message();
    EXPECT_EQ(nic.asked.size(), 1U);
  }
  EXPECT_EQ(nic.now, untouched);
}

TEST_F(TransactionTest, TheNextFilterIsTakenAndRestored) {
  FakeNic nic({HWTSTAMP_TX_OFF, HWTSTAMP_FILTER_NTP_ALL});
  {
    auto held = begin(nic, disguised);
    ASSERT_TRUE(held);
    EXPECT_EQ(held->take_next().value(), true);
    EXPECT_EQ(nic.now, ptp4l_like);
  }
  EXPECT_EQ(nic.now, (HwtstampConfig{HWTSTAMP_TX_OFF, HWTSTAMP_FILTER_NTP_ALL}));
}

TEST_F(TransactionTest, NoOtherFilterWhileSomebodyReliesOnThisOne) {
  FakeNic nic(ptp4l_like);
  {
    auto held = begin(nic, disguised);
    auto other = begin(nic, disguised);
    ASSERT_TRUE(held && other);
    EXPECT_EQ(held->take_next().value(), false);
    EXPECT_FALSE(held->search().may_stamp_received());
    EXPECT_THAT(held->remarks(), ElementsAre(HasSubstr("Another netobs depends on the filter")));
  }
  users_ = {{.program = "ptp4l", .pid = 7, .what = "w"}};
  {
    auto held = begin(nic, disguised);
    ASSERT_TRUE(held);
    EXPECT_EQ(held->take_next().value(), false);
    EXPECT_THAT(held->remarks(), ElementsAre(HasSubstr("ptp4l (process 7) depends on the filter")));
  }
  EXPECT_THAT(nic.asked, IsEmpty());
  auto forced = begin(nic, disguised, true);
  ASSERT_TRUE(forced);
  EXPECT_EQ(forced->take_next().value(), true);
}

TEST_F(TransactionTest, AFolderThatOthersMayWriteToIsNotUsed) {
  ASSERT_EQ(::chmod(folder_.c_str(), 0777), 0);
  FakeNic nic;
  const auto refused = begin(nic);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message(), HasSubstr("Others may write to it"));
  EXPECT_THAT(nic.asked, IsEmpty());
  // Nothing to write down where nothing is changed.
  FakeNic set(everything);
  auto held = begin(set);
  ASSERT_TRUE(held);
  EXPECT_THAT(held->remarks(), ElementsAre(HasSubstr("may change the setting")));
  EXPECT_EQ(held->take_next().value(), false);
}

TEST_F(TransactionTest, ALinkIsNoStateFolder) {
  const auto link = folder_ + "-link";
  fs::create_directory_symlink(folder_, link);
  EXPECT_FALSE(StateDirectory::open(link, true));
  fs::remove(link);
  EXPECT_FALSE(StateDirectory::open(folder_ + "/none", false));
}

TEST_F(TransactionTest, OnlySavedSettingsOfThisNamespaceCount) {
  for (const char* name :
       {"nic-5-2.saved", "nic-5-13.saved", "nic-6-1.saved", "nic-5-.saved", "nic-5-x.saved",
        "nic-5-99999999999.saved", "nic-5--1.saved", "nic-5-3.users", "nic-5-4.saved.new"}) {
    write(path(name), "x");
  }
  const auto directory = StateDirectory::open(folder_, false);
  ASSERT_TRUE(directory);
  EXPECT_THAT(saved_indexes(*directory, 5), testing::UnorderedElementsAre(2, 13));
}

TEST_F(TransactionTest, LeftoversOfDevicesThatAreGoneVanish) {
  EXPECT_THAT(restore_leftovers(folder_ + "/none"), IsEmpty());
  EXPECT_FALSE(fs::exists(folder_ + "/none"));
  struct stat own{};
  ASSERT_EQ(::stat("/proc/thread-self/ns/net", &own), 0);
  const auto gone = nic_files(static_cast<std::uint32_t>(own.st_ino), 2'000'000'000);
  write(path(gone.saved), "{}");
  EXPECT_THAT(restore_leftovers(folder_), IsEmpty());
  EXPECT_FALSE(fs::exists(path(gone.saved)));
  EXPECT_FALSE(fs::exists(path(gone.users)));
}

TEST(NicSetup, AnInterfaceWithoutHardwareSaysSo) {
  const auto none = NicSetup::start({.interface = "lo"});
  ASSERT_FALSE(none);
  EXPECT_THAT(none.error().message(), HasSubstr("no hardware timestamps"));
  const auto unknown = NicSetup::start({.interface = "a-name-that-is-too-long"});
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().exit, ExitCode::usage);
}

}  // namespace
}  // namespace netobs::nic
