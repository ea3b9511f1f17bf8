#pragma once
// A store as schema version 1 made it, spelled out: what this program has to read and upgrade.

#include <gmock/gmock.h>

#include "sample.hpp"

namespace netobs::store {

inline constexpr const char* version_1_sqlite = R"(
CREATE TABLE `netobs_schema` (`component` TEXT NOT NULL, `version` BIGINT NOT NULL,
  PRIMARY KEY (`component`)) WITHOUT ROWID;
INSERT INTO `netobs_schema` VALUES ('netobs', 1);
CREATE TABLE `runs` (`run_id` INTEGER NOT NULL, `started_at_ns` INTEGER NOT NULL,
  `finished_at_ns` INTEGER, `target` TEXT NOT NULL, `transport` TEXT NOT NULL,
  `schedule` TEXT NOT NULL, `sent` INTEGER NOT NULL, `received` INTEGER NOT NULL,
  `lost` INTEGER NOT NULL, `document` TEXT NOT NULL, PRIMARY KEY (`run_id`)) WITHOUT ROWID;
CREATE TABLE `run_points` (`run_id` INTEGER NOT NULL, `host` TEXT NOT NULL,
  `point` TEXT NOT NULL, `reason` TEXT NOT NULL, `count` INTEGER NOT NULL,
  PRIMARY KEY (`run_id`,`host`,`point`,`reason`)) WITHOUT ROWID;
CREATE TABLE `rollups` (`run_id` INTEGER NOT NULL, `metric` TEXT NOT NULL,
  `interval_start_ns` INTEGER NOT NULL, `count` INTEGER NOT NULL, `min_ns` INTEGER NOT NULL,
  `max_ns` INTEGER NOT NULL, `mean_ns` REAL NOT NULL, `p50_ns` INTEGER, `p90_ns` INTEGER,
  `p99_ns` INTEGER, `p99_9_ns` INTEGER, `distribution` BLOB NOT NULL,
  PRIMARY KEY (`run_id`,`metric`,`interval_start_ns`)) WITHOUT ROWID;
CREATE TABLE `probes` (`run_id` INTEGER NOT NULL, `sequence` INTEGER NOT NULL,
  `intended_ns` INTEGER NOT NULL, `send_error_ns` INTEGER NOT NULL, `outcome` INTEGER NOT NULL,
  `reflector_sequence` INTEGER NOT NULL, `reply_count` INTEGER NOT NULL,
  `reflector_ttl` INTEGER NOT NULL, `reply_ttl` INTEGER NOT NULL, `flags` INTEGER NOT NULL,
  `sender_app_tx` INTEGER, `sender_tx_sched` INTEGER, `sender_tc_egress` INTEGER,
  `sender_net_dev_start_xmit` INTEGER, `sender_tx_software` INTEGER, `sender_tx_hardware` INTEGER,
  `sender_rx_hardware` INTEGER, `sender_rx_software` INTEGER, `sender_tc_ingress` INTEGER,
  `sender_socket_delivery` INTEGER, `sender_skb_copy_datagram_iovec` INTEGER,
  `sender_app_rx` INTEGER, `reflector_app_tx` INTEGER, `reflector_tx_sched` INTEGER,
  `reflector_tc_egress` INTEGER, `reflector_net_dev_start_xmit` INTEGER,
  `reflector_tx_software` INTEGER, `reflector_tx_hardware` INTEGER,
  `reflector_rx_hardware` INTEGER, `reflector_rx_software` INTEGER,
  `reflector_tc_ingress` INTEGER, `reflector_socket_delivery` INTEGER,
  `reflector_skb_copy_datagram_iovec` INTEGER, `reflector_app_rx` INTEGER,
  PRIMARY KEY (`run_id`,`sequence`)) WITHOUT ROWID;)";

/// The one table that has changed since.
inline constexpr const char* version_1_mysql_probes =
    R"(CREATE TABLE `probes` (`run_id` BIGINT NOT NULL, `sequence` BIGINT NOT NULL,
  `intended_ns` BIGINT NOT NULL, `send_error_ns` BIGINT NOT NULL, `outcome` SMALLINT NOT NULL,
  `reflector_sequence` BIGINT NOT NULL, `reply_count` BIGINT NOT NULL,
  `reflector_ttl` SMALLINT NOT NULL, `reply_ttl` SMALLINT NOT NULL, `flags` SMALLINT NOT NULL,
  `sender_app_tx` BIGINT, `sender_tx_sched` BIGINT, `sender_tc_egress` BIGINT,
  `sender_net_dev_start_xmit` BIGINT, `sender_tx_software` BIGINT, `sender_tx_hardware` BIGINT,
  `sender_rx_hardware` BIGINT, `sender_rx_software` BIGINT, `sender_tc_ingress` BIGINT,
  `sender_socket_delivery` BIGINT, `sender_skb_copy_datagram_iovec` BIGINT,
  `sender_app_rx` BIGINT, `reflector_app_tx` BIGINT, `reflector_tx_sched` BIGINT,
  `reflector_tc_egress` BIGINT, `reflector_net_dev_start_xmit` BIGINT,
  `reflector_tx_software` BIGINT, `reflector_tx_hardware` BIGINT, `reflector_rx_hardware` BIGINT,
  `reflector_rx_software` BIGINT, `reflector_tc_ingress` BIGINT,
  `reflector_socket_delivery` BIGINT, `reflector_skb_copy_datagram_iovec` BIGINT,
  `reflector_app_rx` BIGINT, PRIMARY KEY (`run_id`,`sequence`)))";

/// Two probes of sample_run_id: by position, as version 1 had its columns.
inline constexpr const char* version_1_rows = R"(INSERT INTO `probes` VALUES
  (9167639991466065921,0,1000,5,0,0,1,64,63,0,
   1,2,3,4,5,6,7,8,9,10,11,12, 13,14,15,16,17,18,19,20,21,22,23,24),
  (9167639991466065921,1,2000,-5,1,0,0,0,0,2,
   101,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,
   NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL))";

/// What versions 2 and 3 added.
inline constexpr std::array later_points{Point::xdp_rx, Point::xdp_tx, Point::tx_completion,
                                         Point::pcap_tx, Point::pcap_rx};

/// The rows above, read from a store of any version.
inline void expect_version_1_rows(Store& store) {
  const auto probes = read_probes(store);
  ASSERT_EQ(probes.size(), 2U);
  constexpr std::array points{Point::app_tx,
                              Point::tx_sched,
                              Point::tc_egress,
                              Point::net_dev_start_xmit,
                              Point::tx_software,
                              Point::tx_hardware,
                              Point::rx_hardware,
                              Point::rx_software,
                              Point::tc_ingress,
                              Point::socket_delivery,
                              Point::skb_copy_datagram_iovec,
                              Point::app_rx};
  std::int64_t expected = 0;
  for (const Host host : {Host::sender, Host::reflector}) {
    for (const Point point : points) {
      EXPECT_EQ(probes[0].at(host, point), ++expected) << name(point);
    }
    for (const Point point : later_points) {
      // The run did not ask for what its program did not know; the report says the same.
      EXPECT_EQ(probes[0].reason[slot(host, point)], Reason::not_requested) << name(point);
    }
  }
  EXPECT_EQ(probes[0].reply_ttl, 63);
  EXPECT_EQ(probes[1].outcome, Outcome::lost_forward);
  EXPECT_EQ(probes[1].send_error_ns, -5);
  EXPECT_TRUE(probes[1].reordered);
  EXPECT_EQ(probes[1].at(Host::sender, Point::app_tx), 101);
  EXPECT_EQ(probes[1].at(Host::reflector, Point::app_rx), std::nullopt);
}

/// A probe that only a store of this version can keep.
inline ProbeRecord later_probe(std::uint64_t sequence) {
  auto record = sample_probe(sequence);
  std::int64_t ns = 500;
  for (const Host host : {Host::sender, Host::reflector}) {
    for (const Point point : later_points) {
      record.set(slot(host, point), ns++);
    }
  }
  return record;
}

/// An upgraded store keeps what it had and takes what only this version has, more than one
/// statement full.
inline void check_upgraded(Store& store) {
  EXPECT_EQ(store.version(), schema_version);
  expect_version_1_rows(store);
  std::vector<ProbeRecord> more;
  for (std::uint64_t i = 2; i < 302; ++i) more.push_back(later_probe(i));
  ASSERT_TRUE(store.write(probe_batch(more)));
  const auto probes = read_probes(store);
  ASSERT_EQ(probes.size(), 302U);
  EXPECT_EQ(probes[0].at(Host::reflector, Point::app_rx), 24);
  const auto read_back = std::span(probes).subspan(2);
  EXPECT_EQ(probe_batch(read_back).cells, probe_batch(more).cells);
  ASSERT_TRUE(store.delete_run(sample_run_id));
  EXPECT_EQ(store.count_rows(probes_table()).value(), 0U);
}

}  // namespace netobs::store
