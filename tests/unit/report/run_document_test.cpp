#include "core/report/run_document.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <limits>

#include "core/report/clean_text.hpp"
#include "unit/report/samples.hpp"

namespace netobs::report {
namespace {

RunDocument full_document() {
  RunDocument document;
  document.run = {.id = "00ff00ff00ff00ff",
                  .target = "[2001:db8::1]:862",
                  .link = "eth0 (igb)",
                  .virtual_link = false,
                  .transport = "syscall",
                  .schedule = "every 1 ms",
                  .started_at = "2023-11-14T22:13:20.000000000Z",
                  .started_ns = 1'700'000'000'000'000'000,
                  .duration_ns = 1,
                  .count = UINT64_MAX,
                  .size_bytes = UINT32_MAX,
                  .layers = "app,kernel",
                  .wait = "hybrid",
                  .reflector_wait = "spin",
                  .cpu = "1",
                  .command_line = "netobs rtt \"h\\t\""};
  document.environment = {
      {"kernel", std::string("6.18")}, {"cpus", INT64_MIN}, {"load", 0.1}, {"kernel", 1.0}};
  document.warnings = {"w\u00e4rm"};
  document.probes = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
  document.skipped = 12;
  document.jitter = {0.1, std::nullopt, 1e-300};
  document.violations = {1, 2, 3, 4, 5, 6, stats::WorstViolation{{0, 23, INT64_MAX}, 77}};
  document.path.active = {PointSet(0xfff), PointSet(0x801)};
  document.path.clocks = {stats::ClockRelation::Kind::synchronised, 1'200};
  document.path.nic = {stats::NicClockRelation{true, 7}, stats::NicClockRelation{false, 8}};
  document.nic_clocks = {{.host = "sender",
                          .converted = true,
                          .bound_ns = 120,
                          .clock = "/dev/ptp0",
                          .method = "PTP_SYS_OFFSET_EXTENDED",
                          .time_scale = "TAI",
                          .offset_ns = -37'000'000'000,
                          .offset_bound_ns = 90,
                          .drift_ppb = -12.5,
                          .drift_bound_ppb = 0.25,
                          .looks = 11,
                          .steps = 1,
                          .rx_filter = "all",
                          .changed = "rx_filter none -> all"}};
  document.interval_ns = 5;
  document.absent_layers = {{"nic", "none"}};
  document.notes = {"n"};
  document.store = {{"netobs.db", 1, 2, 3}};
  return document;
}

TEST(RunDocument, JsonKeepsEverything) {
  const RunDocument document = full_document();
  const auto restored = from_json(to_json(document));
  ASSERT_TRUE(restored) << restored.error().message();
  EXPECT_EQ(*restored, document);
  EXPECT_EQ(to_json(*restored), to_json(document));
  EXPECT_EQ(*from_json(to_json(RunDocument{})), RunDocument{});
}

TEST(RunDocument, SlotsKeepTheirNumbersWhenPointsAreAdded) {
  // What documents said when there were twelve points: 11 is the sender's app_rx, 12 the
  // reflector's app_tx.
  const auto with = [](int from, int to) {
    return fmt::format(R"({{"schema":"netobs.run/1","violations":{{"worst":{{"from_slot":{},)"
                       R"("to_slot":{},"by_ns":1,"sequence":2}}}}}})",
                       from, to);
  };
  const auto edge_of = [&](int from, int to) {
    return from_json(with(from, to)).value().violations.worst.value().edge;
  };
  EXPECT_EQ(edge_of(11, 12), (stats::CausalViolation{slot(Host::sender, Point::app_rx),
                                                     slot(Host::reflector, Point::app_tx), 1}));
  EXPECT_EQ(edge_of(23, 24), (stats::CausalViolation{slot(Host::reflector, Point::app_rx),
                                                     slot(Host::sender, Point::xdp_rx), 1}));
  EXPECT_EQ(edge_of(25, 29),
            (stats::CausalViolation{slot(Host::reflector, Point::xdp_rx),
                                    slot(Host::reflector, Point::tx_completion), 1}));
  for (int number = 0; number < static_cast<int>(slot_count); ++number) {
    const auto text = to_json(from_json(with(number, 0)).value());
    EXPECT_NE(text.find(fmt::format("\"from_slot\":{},", number)), std::string::npos) << number;
  }
}

TEST(RunDocument, TextsFromOutsideAreCleaned) {
  RunDocument document;
  document.run.target = "a\x1b[31mb\xff\n";
  document.environment = {{"x\x07", std::numeric_limits<double>::infinity()}};
  document.jitter.forward = std::numeric_limits<double>::quiet_NaN();
  const auto restored = from_json(to_json(document));
  ASSERT_TRUE(restored);
  EXPECT_EQ(restored->run.target, "a?[31mb??");
  EXPECT_EQ(restored->environment.at(0).key, "x?");
  EXPECT_EQ(std::get<std::string>(restored->environment.at(0).value), "inf");
  EXPECT_EQ(restored->jitter.forward, std::nullopt);
  EXPECT_EQ(*restored, cleaned(document));
}

TEST(RunDocument, HostileTextIsRefusedWithAReason) {
  const auto refused = [](std::string_view text) { return !from_json(text).has_value(); };
  const auto with = [](std::string_view rest) {
    return std::string("{\"schema\":\"netobs.run/1\",") + std::string(rest) + "}";
  };
  EXPECT_TRUE(refused(""));
  EXPECT_TRUE(refused("[]"));
  EXPECT_TRUE(refused("{}"));
  EXPECT_TRUE(refused("{\"schema\":\"netobs.run/2\"}"));
  EXPECT_TRUE(refused("{\"schema\":\"netobs.run/1\""));
  EXPECT_TRUE(refused("{\"schema\":\"netobs.run/1\"}garbage"));
  EXPECT_TRUE(from_json(with("\"unknown\":1")).has_value());
  EXPECT_TRUE(refused(with("\"skipped\":-1")));
  EXPECT_TRUE(refused(with("\"skipped\":1.5")));
  EXPECT_TRUE(refused(with("\"skipped\":\"1\"")));
  EXPECT_TRUE(refused(with("\"interval_ns\":18446744073709551615")));
  EXPECT_TRUE(refused(with("\"run\":{\"size_bytes\":4294967296}")));
  EXPECT_TRUE(refused(with("\"run\":{\"virtual_link\":1}")));
  EXPECT_TRUE(refused(with("\"run\":[]")));
  EXPECT_TRUE(refused(with("\"path\":{\"sender\":[\"nowhere\"]}")));
  EXPECT_TRUE(refused(with("\"path\":{\"clocks\":\"perfect\"}")));
  EXPECT_TRUE(refused(with("\"jitter_ns\":{\"forward\":1e999}")));
  EXPECT_TRUE(refused(with("\"violations\":{\"worst\":{\"from_slot\":34}}")));
  EXPECT_TRUE(refused(with("\"environment\":[{\"key\":\"k\",\"value\":[]}]")));
  EXPECT_TRUE(refused(std::string(5U << 20U, ' ')));
  std::string many = "\"notes\":[\"\"";
  for (int i = 0; i < 4'096; ++i) many += ",\"\"";
  EXPECT_TRUE(refused(with(many + "]")));
  EXPECT_TRUE(refused(std::string(100'000, '[')));
  EXPECT_TRUE(refused(with("\"notes\":[" + std::string(100'000, '['))));
  const auto error = from_json(with("\"run\":{\"size_bytes\":-1}")).error();
  EXPECT_EQ(error.cause, "not as expected: run: size_bytes: whole number in range");
}

TEST(RunDocument, CutAndChangedBytesNeverBreakIt) {
  const std::string text = to_json(full_document());
  for (std::size_t i = 0; i < text.size(); ++i) {
    EXPECT_FALSE(from_json(text.substr(0, i)).has_value());
    std::string changed = text;
    changed[i] = static_cast<char>(static_cast<unsigned char>(changed[i]) ^ 0x85U);
    static_cast<void>(from_json(changed));
  }
}

TEST(RunDocument, UtcText) {
  EXPECT_EQ(utc_text(0), "1970-01-01T00:00:00.000000000Z");
  EXPECT_EQ(utc_text(1'700'000'000'123'456'789), "2023-11-14T22:13:20.123456789Z");
  EXPECT_EQ(utc_text(951'782'400'000'000'000), "2000-02-29T00:00:00.000000000Z");
  EXPECT_EQ(utc_text(-1), "1969-12-31T23:59:59.999999999Z");
  EXPECT_EQ(utc_text(INT64_MAX), "2262-04-11T23:47:16.854775807Z");
  EXPECT_EQ(utc_text(INT64_MIN), "1677-09-21T00:12:43.145224192Z");
}

TEST(CleanText, KeepsUtf8AndDropsTheRest) {
  EXPECT_EQ(clean_text("plain \u00b1 \u2588 \U0001f600"), "plain \u00b1 \u2588 \U0001f600");
  EXPECT_EQ(clean_text("\x1b\x7f\t"), "???");
  EXPECT_EQ(clean_text("\xc2\x85"), "??");            // a C1 control
  EXPECT_EQ(clean_text("\xc0\xaf"), "??");            // overlong
  EXPECT_EQ(clean_text("\xed\xa0\x80"), "???");       // a surrogate
  EXPECT_EQ(clean_text("\xf4\x90\x80\x80"), "????");  // beyond U+10FFFF
  EXPECT_EQ(clean_text("a\xe2\x96"), "a??");          // cut short
  EXPECT_EQ(display_width("\u00b1\u2588a"), 3U);
}

}  // namespace
}  // namespace netobs::report
