#include "store/conditions_row.hpp"

#include <gtest/gtest.h>

#include "store/schema.hpp"

namespace netobs::store {
namespace {

using conditions::Conditions;
using conditions::EchoSeries;
using conditions::Throughput;

/// The cell of a column of the only row.
Cell at(const OwnedBatch& batch, std::string_view column) {
  const auto& columns = batch.table().columns;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (columns[i].name == column) return batch.view().cells[i];
  }
  ADD_FAILURE() << "no column " << column;
  return {};
}

TEST(ConditionsRow, NothingFoundIsARowOfNulls) {
  const auto batch = to_rows(7, Conditions{}, "{}");
  ASSERT_EQ(batch.view().cells.size(), udp_metrics_table().columns.size());
  ASSERT_EQ(batch.rows(), 1U);
  for (std::size_t i = 0; i < batch.view().cells.size(); ++i) {
    const auto& column = udp_metrics_table().columns[i];
    EXPECT_EQ(batch.view().cells[i].kind == Cell::Kind::null, column.nullable) << column.name;
  }
}

TEST(ConditionsRow, EveryFigureHasItsColumn) {
  Conditions found;
  found.started_at_ns = 5;
  found.target = "server";
  found.resolution.value = conditions::Resolution{"198.18.0.2", 2e6};
  found.local.value = conditions::LocalAddress{"198.18.0.1", "eth0"};
  found.public_ip.value = "203.0.113.7";
  found.path_mtu.value = conditions::PathMtu{1500, true};
  found.echo.value = EchoSeries{.method = "ping", .sent = 2, .received = 1};
  found.echo.value->rtt.add(1000);
  found.echo.value->jitter_ns = 3.5;
  found.echo.value->ttl = 60;
  found.tcp_upload.value = Throughput{.sent_bps = 11, .received_bps = 10, .retransmits = 4};
  found.udp_download.value = Throughput{.sent_bps = 21,
                                        .received_bps = 20,
                                        .jitter_ns = 6.5,
                                        .packets = 9,
                                        .lost = 8,
                                        .local_cpu_percent = 1,
                                        .remote_cpu_percent = 2};
  const auto batch = to_rows(7, found, "{}");
  EXPECT_EQ(at(batch, "run_id"), Cell::of(7));
  EXPECT_EQ(at(batch, "started_at_ns"), Cell::of(5));
  EXPECT_EQ(at(batch, "target"), Cell::of_text("server"));
  EXPECT_EQ(at(batch, "address"), Cell::of_text("198.18.0.2"));
  EXPECT_EQ(at(batch, "private_ip"), Cell::of_text("198.18.0.1"));
  EXPECT_EQ(at(batch, "interface"), Cell::of_text("eth0"));
  EXPECT_EQ(at(batch, "public_ip"), Cell::of_text("203.0.113.7"));
  EXPECT_EQ(at(batch, "dns_ns"), Cell::of_real(2e6));
  EXPECT_EQ(at(batch, "path_mtu_bytes"), Cell::of(1500));
  EXPECT_EQ(at(batch, "hop_count"), Cell::of(4));
  EXPECT_EQ(at(batch, "icmp_sent"), Cell::of(2));
  EXPECT_EQ(at(batch, "icmp_received"), Cell::of(1));
  EXPECT_EQ(at(batch, "icmp_min_ns"), Cell::of(1000));
  EXPECT_EQ(at(batch, "icmp_mean_ns"), Cell::of_real(1000));
  EXPECT_EQ(at(batch, "icmp_p50_ns"), Cell::of(1000));
  EXPECT_EQ(at(batch, "icmp_p99_ns"), Cell::null());
  EXPECT_EQ(at(batch, "icmp_max_ns"), Cell::of(1000));
  EXPECT_EQ(at(batch, "icmp_jitter_ns"), Cell::of_real(3.5));
  EXPECT_EQ(at(batch, "tcp_upload_sent_bps"), Cell::of_real(11));
  EXPECT_EQ(at(batch, "tcp_upload_bps"), Cell::of_real(10));
  EXPECT_EQ(at(batch, "tcp_upload_retransmits"), Cell::of(4));
  EXPECT_EQ(at(batch, "tcp_download_bps"), Cell::null());
  EXPECT_EQ(at(batch, "udp_download_bps"), Cell::of_real(20));
  EXPECT_EQ(at(batch, "udp_download_local_cpu_percent"), Cell::of_real(1));
  EXPECT_EQ(at(batch, "udp_download_remote_cpu_percent"), Cell::of_real(2));
  EXPECT_EQ(at(batch, "udp_download_jitter_ns"), Cell::of_real(6.5));
  EXPECT_EQ(at(batch, "udp_download_packets"), Cell::of(9));
  EXPECT_EQ(at(batch, "udp_download_lost"), Cell::of(8));
  EXPECT_EQ(at(batch, "document"), Cell::of_text("{}"));
}

}  // namespace
}  // namespace netobs::store
