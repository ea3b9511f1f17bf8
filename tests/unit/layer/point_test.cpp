#include "core/layer/point.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "core/layer/record.hpp"

namespace netobs {
namespace {

TEST(PointTable, PathPassesEverySlotOnceInOrder) {
  const std::set<std::size_t> seen(path_order.begin(), path_order.end());
  EXPECT_EQ(seen.size(), slot_count);
  EXPECT_EQ(path_order.front(), slot(Host::sender, Point::app_tx));
  EXPECT_EQ(path_order[8], slot(Host::sender, Point::tx_hardware));
  EXPECT_EQ(path_order[9], slot(Host::reflector, Point::rx_hardware));
  EXPECT_EQ(path_order[17], slot(Host::reflector, Point::app_tx));
  EXPECT_EQ(path_order.back(), slot(Host::sender, Point::app_rx));
}

// The values are bits on the wire.
TEST(PointTable, ValuesNeverChange) {
  EXPECT_EQ(index(Point::app_tx), 0U);
  EXPECT_EQ(index(Point::tx_hardware), 5U);
  EXPECT_EQ(index(Point::rx_hardware), 6U);
  EXPECT_EQ(index(Point::app_rx), 11U);
  EXPECT_EQ(index(Point::xdp_rx), 12U);
  EXPECT_EQ(index(Point::xdp_tx), 13U);
  EXPECT_EQ(index(Point::tx_completion), 14U);
  EXPECT_EQ(index(Point::pcap_tx), 15U);
  EXPECT_EQ(index(Point::pcap_rx), 16U);
}

TEST(PointTable, AProgramTakesAPacketPastTheStackOrTheStackHasIt) {
  EXPECT_EQ((socket_path & af_xdp_path), points_of(Layer::app) | points_of(Layer::nic));
  EXPECT_FALSE(af_xdp_path.has(Point::xdp_tx));
  EXPECT_EQ((xdp_reflector_path & points_of(Layer::app)).bits(), 0U);
}

TEST(PointTable, NamesRoundTrip) {
  for (const auto& row : point_table) EXPECT_EQ(point_from_name(row.name), row.point);
  for (const auto& row : layer_table) EXPECT_EQ(layer_from_name(row.name), row.layer);
  for (std::size_t i = 0; i < reason_count; ++i) {
    const auto reason = static_cast<Reason>(i);
    EXPECT_FALSE(name(reason).empty());
    EXPECT_EQ(reason_from_name(name(reason)), reason);
  }
  for (std::size_t i = 0; i < outcome_count; ++i) {
    EXPECT_EQ(outcome_from_name(name(static_cast<Outcome>(i))), static_cast<Outcome>(i));
  }
  EXPECT_FALSE(point_from_name("wire").has_value());
}

TEST(PointTable, EveryPointBelongsToALayerOnce) {
  PointSet all;
  std::size_t count = 0;
  for (const auto& row : layer_table) {
    const auto points = points_of(row.layer);
    EXPECT_EQ((all & points).bits(), 0U);
    all = all | points;
    count += static_cast<std::size_t>(std::ranges::count_if(
        point_table, [&](const auto& point) { return point.layer == row.layer; }));
  }
  EXPECT_EQ(count, point_count);
  EXPECT_EQ(all.bits(), 0x1ffffU);
}

TEST(ProbeRecord, MissingIsNotZero) {
  ProbeRecord record;
  record.reason.fill(Reason::lost_by_kernel);
  EXPECT_FALSE(record.at(Host::sender, Point::app_tx).has_value());
  record.set(slot(Host::sender, Point::app_tx), 0);
  EXPECT_EQ(record.at(Host::sender, Point::app_tx), 0);
}

}  // namespace
}  // namespace netobs
