#include "linux/nic/filter_search.hpp"

#include <gmock/gmock.h>

#include "fake_nic.hpp"

namespace netobs::nic {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr Need plain{};
constexpr Need disguised{.ptp_disguise = true};

TEST(Hwtstamp, NamesAreEthtools) {
  EXPECT_EQ(rx_filter_name(HWTSTAMP_FILTER_NONE), "none");
  EXPECT_EQ(rx_filter_name(HWTSTAMP_FILTER_ALL), "all");
  EXPECT_EQ(rx_filter_name(HWTSTAMP_FILTER_PTP_V2_L4_EVENT), "ptpv2-l4-event");
  EXPECT_EQ(rx_filter_name(HWTSTAMP_FILTER_PTP_V2_DELAY_REQ), "ptpv2-delay-req");
  EXPECT_EQ(rx_filter_name(HWTSTAMP_FILTER_NTP_ALL), "ntp-all");
  EXPECT_EQ(tx_type_name(HWTSTAMP_TX_ONESTEP_P2P), "onestep-p2p");
  EXPECT_EQ(rx_filter_name(77), "77");
  EXPECT_EQ(tx_type_name(-1), "-1");
  EXPECT_EQ(describe_change(untouched, everything), "rx_filter none -> all, tx_type off -> on");
  EXPECT_EQ(describe_change(everything, everything), "");
}

TEST(FilterSearch, LeavesASettingThatSuffices) {
  FakeNic nic(everything);
  FilterSearch search(nic, plain, nic.now);
  ASSERT_TRUE(search.take_first());
  EXPECT_TRUE(search.may_stamp_received());

  FakeNic by_ptp4l(ptp4l_like);
  FilterSearch other(by_ptp4l, disguised, by_ptp4l.now);
  ASSERT_TRUE(other.take_first());
  EXPECT_THAT(nic.asked, IsEmpty());
  EXPECT_THAT(by_ptp4l.asked, IsEmpty());
}

TEST(FilterSearch, ChangesOnlyTheDirectionThatIsNeeded) {
  FakeNic nic;
  FilterSearch search(nic, {.rx = false}, nic.now);
  ASSERT_TRUE(search.take_first());
  EXPECT_THAT(nic.asked, ElementsAre(HwtstampConfig{HWTSTAMP_TX_ON, HWTSTAMP_FILTER_NONE}));

  FakeNic other(ptp4l_like);
  FilterSearch receiver(other, {.tx = false}, other.now);
  ASSERT_TRUE(receiver.take_first());
  EXPECT_THAT(other.asked, ElementsAre(everything));
}

TEST(FilterSearch, TakesAllAtOnceWhereTheDriverDoes) {
  FakeNic nic;
  FilterSearch search(nic, plain, nic.now);
  ASSERT_TRUE(search.take_first());
  EXPECT_THAT(nic.asked, ElementsAre(everything));
  EXPECT_THAT(search.remarks(), IsEmpty());
}

TEST(FilterSearch, OrdinaryPacketsTakeAPtpFilterOnlyWhenItIsWidenedToAll) {
  FakeNic nic;
  nic.answer = [](const HwtstampConfig& config) -> FakeNic::Answer {
    if (config.rx_filter == HWTSTAMP_FILTER_PTP_V2_EVENT) return everything;
    if (config.rx_filter == HWTSTAMP_FILTER_NONE) return config;
    return std::unexpected(ERANGE);
  };
  FilterSearch search(nic, plain, nic.now);
  ASSERT_TRUE(search.take_first());
  EXPECT_EQ(nic.now, everything);
  EXPECT_TRUE(search.may_stamp_received());
  EXPECT_THAT(search.remarks(), Contains("The driver refuses rx_filter all."));
  EXPECT_THAT(search.remarks(), Contains("Asked for rx_filter ptpv2-event, the driver took all."));
}

TEST(FilterSearch, AFilterThatCannotMatchIsPutBack) {
  FakeNic nic;
  nic.answer = only({HWTSTAMP_FILTER_PTP_V2_EVENT, HWTSTAMP_FILTER_PTP_V2_L4_EVENT});
  FilterSearch search(nic, plain, nic.now);
  ASSERT_TRUE(search.take_first());  // transmit timestamps work
  EXPECT_EQ(nic.now, (HwtstampConfig{HWTSTAMP_TX_ON, HWTSTAMP_FILTER_NONE}));
  EXPECT_EQ(search.in_force(), nic.now);
  EXPECT_FALSE(search.may_stamp_received());

  FakeNic receiver;
  receiver.answer = nic.answer;
  FilterSearch only_rx(receiver, {.tx = false}, receiver.now);
  const auto nothing = only_rx.take_first();
  ASSERT_FALSE(nothing);
  EXPECT_THAT(nothing.error().remedy, HasSubstr("--ptp-disguise"));
  EXPECT_EQ(receiver.now, untouched);
}

TEST(FilterSearch, ANarrowedFilterIsNotBelieved) {
  FakeNic nic;
  nic.answer = [](const HwtstampConfig& config) -> FakeNic::Answer {
    if (config.rx_filter == HWTSTAMP_FILTER_NONE) return config;
    return HwtstampConfig{config.tx_type, HWTSTAMP_FILTER_PTP_V2_EVENT};
  };
  FilterSearch search(nic, plain, nic.now);
  ASSERT_TRUE(search.take_first());
  EXPECT_FALSE(search.may_stamp_received());
  EXPECT_EQ(nic.now.rx_filter, HWTSTAMP_FILTER_NONE);
  EXPECT_THAT(search.remarks(), Contains("Asked for rx_filter all, the driver took ptpv2-event."));

  FakeNic same;
  same.answer = nic.answer;
  FilterSearch in_disguise(same, disguised, same.now);
  ASSERT_TRUE(in_disguise.take_first());
  EXPECT_TRUE(in_disguise.may_stamp_received());
  EXPECT_EQ(same.now, (HwtstampConfig{HWTSTAMP_TX_ON, HWTSTAMP_FILTER_PTP_V2_EVENT}));
}

TEST(FilterSearch, WhatTheDriverSaysLaterCounts) {
  // It returns what it was asked for, and sets nothing.
  class Echo final : public HwtstampDevice {
   public:
    std::expected<HwtstampConfig, int> get() override { return untouched; }
    std::expected<HwtstampConfig, int> set(const HwtstampConfig& config) override { return config; }
  };
  Echo nic;
  FilterSearch search(nic, plain, untouched);
  EXPECT_FALSE(search.take_first());
  EXPECT_EQ(search.in_force(), untouched);
  EXPECT_FALSE(search.may_stamp_received());
}

TEST(FilterSearch, SomeIsTakenForWhatWasAskedForWithIt) {
  FakeNic nic;
  nic.answer = [](const HwtstampConfig& config) -> FakeNic::Answer {
    return HwtstampConfig{config.tx_type, HWTSTAMP_FILTER_SOME};
  };
  FilterSearch search(nic, plain, nic.now);
  ASSERT_TRUE(search.take_first());
  EXPECT_TRUE(search.may_stamp_received());
  EXPECT_EQ(nic.asked.size(), 1U);

  // Found so, nobody knows with what.
  EXPECT_FALSE(suffices({HWTSTAMP_TX_ON, HWTSTAMP_FILTER_SOME}, plain));
}

TEST(FilterSearch, OneStepModesStampOrdinaryPacketsOnly) {
  EXPECT_TRUE(can_stamp_sent(HWTSTAMP_TX_ONESTEP_SYNC, plain));
  FakeNic nic({HWTSTAMP_TX_ONESTEP_SYNC, HWTSTAMP_FILTER_PTP_V2_EVENT});
  FilterSearch search(nic, {.rx = false, .ptp_disguise = true}, nic.now);
  ASSERT_TRUE(search.take_first());
  EXPECT_EQ(nic.now, (HwtstampConfig{HWTSTAMP_TX_ON, HWTSTAMP_FILTER_PTP_V2_EVENT}));
}

TEST(FilterSearch, WithoutTransmitTimestampsReceiveOnesAreStillTaken) {
  FakeNic nic;
  nic.answer = [](const HwtstampConfig& config) -> FakeNic::Answer {
    if (config.tx_type != HWTSTAMP_TX_OFF) return std::unexpected(ERANGE);
    return config;
  };
  FilterSearch search(nic, plain, nic.now);
  ASSERT_TRUE(search.take_first());
  EXPECT_EQ(nic.now, (HwtstampConfig{HWTSTAMP_TX_OFF, HWTSTAMP_FILTER_ALL}));
  EXPECT_THAT(search.remarks(), ElementsAre("The driver refuses tx_type on."));
}

TEST(FilterSearch, NoPermissionIsAnErrorAndChangesNothing) {
  FakeNic nic;
  nic.answer = [](const HwtstampConfig&) -> FakeNic::Answer { return std::unexpected(EPERM); };
  FilterSearch search(nic, plain, nic.now);
  const auto refused = search.take_first();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().sys_errno, EPERM);
  EXPECT_THAT(refused.error().message(), HasSubstr("CAP_NET_ADMIN"));
  EXPECT_EQ(nic.asked.size(), 1U);
}

TEST(FilterSearch, GoesOnWhereAFilterGaveNothingAndBackInTheEnd) {
  FakeNic nic({HWTSTAMP_TX_OFF, HWTSTAMP_FILTER_NTP_ALL});
  FilterSearch search(nic, disguised, nic.now);
  ASSERT_TRUE(search.take_first());
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(search.take_next().value(), true);
    EXPECT_TRUE(search.may_stamp_received());
  }
  EXPECT_EQ(search.take_next().value(), false);
  EXPECT_FALSE(search.may_stamp_received());
  EXPECT_EQ(search.take_next().value(), false);
  EXPECT_THAT(nic.filters(),
              ElementsAre(HWTSTAMP_FILTER_ALL, HWTSTAMP_FILTER_PTP_V2_L4_EVENT,
                          HWTSTAMP_FILTER_PTP_V2_EVENT, HWTSTAMP_FILTER_PTP_V2_L4_SYNC,
                          HWTSTAMP_FILTER_PTP_V2_SYNC, HWTSTAMP_FILTER_NTP_ALL));
  EXPECT_EQ(nic.now, (HwtstampConfig{HWTSTAMP_TX_ON, HWTSTAMP_FILTER_NTP_ALL}));
}

TEST(FilterSearch, AFilterThatLiedIsNotTakenUnderAnotherName) {
  FakeNic nic;
  nic.answer = [](const HwtstampConfig& config) -> FakeNic::Answer {
    // PTP filters are "widened" to the one that does not work.
    if (config.rx_filter == HWTSTAMP_FILTER_PTP_V2_L4_SYNC ||
        config.rx_filter == HWTSTAMP_FILTER_NONE) {
      return config;
    }
    return HwtstampConfig{config.tx_type, HWTSTAMP_FILTER_ALL};
  };
  FilterSearch search(nic, disguised, nic.now);
  ASSERT_TRUE(search.take_first());
  EXPECT_EQ(search.take_next().value(), true);
  EXPECT_EQ(search.in_force().rx_filter, HWTSTAMP_FILTER_PTP_V2_L4_SYNC);
}

TEST(FilterSearch, ForOrdinaryPacketsNothingComesAfterAll) {
  FakeNic nic;
  FilterSearch search(nic, plain, nic.now);
  ASSERT_TRUE(search.take_first());
  EXPECT_EQ(search.take_next().value(), false);
  EXPECT_THAT(nic.filters(), ElementsAre(HWTSTAMP_FILTER_ALL, HWTSTAMP_FILTER_NONE));
  EXPECT_EQ(nic.now.tx_type, HWTSTAMP_TX_ON);

  // One that was found so stays so.
  FakeNic found(everything);
  FilterSearch other(found, plain, found.now);
  ASSERT_TRUE(other.take_first());
  EXPECT_EQ(other.take_next().value(), false);
  EXPECT_THAT(found.asked, IsEmpty());
}

TEST(FilterSearch, ADriverThatCannotBeAskedIsTakenForOff) {
  FakeNic nic;
  nic.get_error = EOPNOTSUPP;
  FilterSearch search(nic, plain, std::nullopt);
  ASSERT_TRUE(search.take_first());
  EXPECT_EQ(search.found(), untouched);
  EXPECT_EQ(search.in_force(), everything);
}

}  // namespace
}  // namespace netobs::nic
