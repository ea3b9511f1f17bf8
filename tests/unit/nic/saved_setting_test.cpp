#include "linux/nic/saved_setting.hpp"

#include <gmock/gmock.h>

#include "fake_nic.hpp"

namespace netobs::nic {
namespace {

SavedSetting sample() {
  return {.nic = {.interface = "eth0", .mac = "02:00:00:00:00:01", .boot_id = "b"},
          .original = untouched,
          .applied = everything};
}

TEST(SavedSetting, ComesBackAsItWas) {
  auto saved = sample();
  EXPECT_EQ(parse_saved_setting(encode(saved)), saved);
  saved.original.reset();
  saved.applied.reset();
  saved.forced = true;
  EXPECT_EQ(parse_saved_setting(encode(saved)), saved);
  // Whatever a namespace calls its interfaces.
  saved.nic.interface = "\xff\"\n";
  EXPECT_TRUE(parse_saved_setting(encode(saved)));
}

TEST(SavedSetting, WhatDoesNotFitIsNotBelieved) {
  const std::string whole =
      R"({"netobs_nic":1,"interface":"eth0","mac":"m","boot_id":"b",)"
      R"("original":{"tx_type":0,"rx_filter":0},"applied":null,"forced":false})";
  ASSERT_TRUE(parse_saved_setting(whole));
  const auto with = [&](const std::string& from, const std::string& to) {
    auto text = whole;
    return text.replace(text.find(from), from.size(), to);
  };
  for (const auto& text :
       {std::string{}, std::string("null"), std::string("[]"), whole.substr(0, whole.size() - 1),
        std::string(4096, '['), std::string(5000, ' ') + whole, with(":1,", ":2,"),
        with(R"("eth0")", "7"), with(R"("eth0")", '"' + std::string(100, 'x') + '"'),
        with(R"("tx_type":0)", R"("tx_type":-1)"), with(R"("tx_type":0)", R"("tx_type":1e3)"),
        with(R"("rx_filter":0)", R"("rx_filter":64)"), with(R"("applied":null)", R"("x":null)"),
        with(R"("applied":null)", R"("applied":"all")"), with(R"("forced":false)", R"("forced":0)"),
        with(R"(,"forced":false)", "")}) {
    EXPECT_FALSE(parse_saved_setting(text)) << text;
  }
}

TEST(Restoration, OnlyOurOwnSettingIsPutBack) {
  EXPECT_EQ(restoration(sample(), everything, false), Restoration::put_back);
  EXPECT_EQ(restoration(sample(), untouched, false), Restoration::none_needed);
  EXPECT_EQ(restoration(sample(), ptp4l_like, false), Restoration::not_ours);
}

TEST(Restoration, AChangeThatWasCutShortIsOurs) {
  auto saved = sample();
  saved.applied.reset();
  EXPECT_EQ(restoration(saved, ptp4l_like, false), Restoration::put_back);
  EXPECT_EQ(restoration(saved, untouched, false), Restoration::none_needed);
}

TEST(Restoration, APtpProgramThatCameMeanwhileKeepsItsTimestamps) {
  EXPECT_EQ(restoration(sample(), everything, true), Restoration::needed_by_ptp);
  // One that was there before gets what it had.
  auto saved = sample();
  saved.original = ptp4l_like;
  EXPECT_EQ(restoration(saved, everything, true), Restoration::put_back);
  saved.original = untouched;
  saved.forced = true;
  EXPECT_EQ(restoration(saved, everything, true), Restoration::put_back);
}

TEST(Restoration, AnUnknownOriginalGoesBackToWhatDriversStartWith) {
  auto saved = sample();
  saved.original.reset();
  EXPECT_EQ(restoration(saved, std::nullopt, false), Restoration::put_back);
  EXPECT_EQ(saved.target(), untouched);
  EXPECT_EQ(restoration(saved, std::nullopt, true), Restoration::needed_by_ptp);
}

}  // namespace
}  // namespace netobs::nic
