#include <gmock/gmock.h>

#include <cerrno>
#include <fstream>
#include <thread>

#include "mariadb_server.hpp"
#include "prune_contract.hpp"
#include "store/conditions_row.hpp"
#include "store/open.hpp"
#include "store/status.hpp"
#include "store/writer.hpp"
#include "store_contract.hpp"
#include "version_1.hpp"

namespace netobs::store {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class MysqlStoreTest : public testing::Test {
 protected:
  // One server for all tests of the program: installing one takes seconds. TCP is on for the tests
  // of TLS, on the loopback address and a port of our own.
  static void SetUpTestSuite() {
    if (MariadbServer::missing().empty()) {
      server = MariadbServer::make({"--bind-address=127.0.0.1", "--port=33906"}).release();
    }
  }
  static void TearDownTestSuite() {
    delete server;
    server = nullptr;
  }
  void SetUp() override {
    if (const auto missing = MariadbServer::missing(); !missing.empty()) GTEST_SKIP() << missing;
    ASSERT_NE(server, nullptr) << "the MariaDB server did not start";
  }

  [[nodiscard]] StoreUrl url(const std::string& database) const {
    return parse_url(server->url(database), {}).value();
  }
  [[nodiscard]] std::unique_ptr<Store> open(const std::string& database) const {
    auto store = open_store(url(database), {});
    EXPECT_TRUE(store) << store.error().message();
    return store ? std::move(*store) : nullptr;
  }
  /// With the table `probes` and the version row as version 1 had them, and two probes.
  void make_version_1(const std::string& database) const {
    const auto store = open(database);
    for (const auto* step : {"DROP TABLE probes", version_1_mysql_probes, version_1_rows,
                             "UPDATE netobs_schema SET version=1"}) {
      const auto done = store->sql()->change(step);
      ASSERT_TRUE(done) << done.error().message();
    }
  }
  /// Without upgrading it: for statements of the test's own.
  [[nodiscard]] std::unique_ptr<Store> open_raw(const std::string& database) const {
    return open_store(url(database), {.read_only = true}).value();
  }
  [[nodiscard]] static std::int64_t columns_of_probes(Store& store) {
    const auto row = store.sql()->first_row(
        "SELECT COUNT(*) FROM information_schema.columns WHERE table_schema=DATABASE() AND "
        "table_name='probes'");
    return row.value().at(0).value();
  }

  static MariadbServer* server;
  TempFolder folder_;
};
MariadbServer* MysqlStoreTest::server = nullptr;

TEST_F(MysqlStoreTest, RoundTrip) {
  check_round_trip(*open("round_trip"));
}
TEST_F(MysqlStoreTest, MetricTables) {
  check_metric_tables(*open("metrics"));
}
TEST_F(MysqlStoreTest, Upsert) {
  check_upsert(*open("upsert"));
}
TEST_F(MysqlStoreTest, FindAndDelete) {
  check_find_and_delete(*open("find"));
}
TEST_F(MysqlStoreTest, RefusesBadValues) {
  check_refuses_bad_values(*open("bad"));
}

TEST_F(MysqlStoreTest, PagesThroughKeysWithSeveralColumns) {
  const auto store = open("pages");
  std::vector<RollupRow> rows;
  for (int metric = 0; metric < 7; ++metric) {
    for (int interval = 0; interval < 143; ++interval) {
      RollupRow row;
      row.metric = fmt::format("m'{}\\", metric);
      row.interval_start_ns = interval;
      rows.push_back(row);
    }
  }
  ASSERT_TRUE(store->write(to_rows(1, rows).view()));
  EXPECT_THAT(store->load_rollups(1).value(), testing::ContainerEq(rows));
}

TEST_F(MysqlStoreTest, KeepsARowPerCheck) {
  const auto store = open("checks");
  conditions::Conditions found;
  found.target = "server";
  found.tcp_upload.value =
      conditions::Throughput{.sent_bps = 11, .received_bps = 10.5, .retransmits = 4};
  ASSERT_TRUE(store->write(to_rows(7, found, "{}").view()));
  ASSERT_TRUE(store->write(to_rows(7, found, "{}").view())) << "again: the same row";
  EXPECT_EQ(store->count_rows(udp_metrics_table()).value(), 1U);
  const auto written = to_rows(7, found, "{}");
  ASSERT_TRUE(
      store->scan(udp_metrics_table(), std::nullopt, [&](const Batch& batch) -> Result<void> {
        EXPECT_EQ(batch.cells, written.view().cells);
        return {};
      }));
}

TEST_F(MysqlStoreTest, PruneRemovesWhatIsOlderAndNothingElse) {
  check_prune(*open("prune"));
}
TEST_F(MysqlStoreTest, PruneGoesOnWhereItWasInterrupted) {
  check_interrupted_prune(*open("prune_interrupted"));
}
TEST_F(MysqlStoreTest, PruneKeepsYoungRowsWhenTheClockWasSetBack) {
  check_prune_with_a_clock_set_back(*open("prune_clock"));
}

TEST_F(MysqlStoreTest, PruneReadsNoMoreThanItsSteps) {
  const auto store = open("prune_plan");
  for (std::uint64_t first = 0; first < 20'000; first += 1000) {
    ASSERT_TRUE(store->write(probe_batch(sample_probes(first, 1000), first_run)));
  }
  const auto rows_read = [&] {
    const auto row = store->sql()->first_row(
        "SELECT CAST(SUM(VARIABLE_VALUE) AS SIGNED) FROM information_schema.SESSION_STATUS WHERE "
        "VARIABLE_NAME IN ('HANDLER_READ_KEY','HANDLER_READ_NEXT','HANDLER_READ_RND_NEXT',"
        "'HANDLER_READ_FIRST')");
    return row.value().at(0).value();
  };
  const auto before = rows_read();
  EXPECT_EQ(prune(*store).rows, 100U);
  // 100 rows that go and 7 that stay, each read from the table, from the step's list, and to
  // remove it: far from the 20 000 that are there.
  const auto read = rows_read() - before;
  EXPECT_GT(read, 100);
  EXPECT_LT(read, 1'000);
}

TEST_F(MysqlStoreTest, InitAndStatus) {
  const auto address = url("status");
  const auto before = status_of_store(address, {}, folder_.path());
  ASSERT_FALSE(before);
  EXPECT_THAT(before.error().message(), HasSubstr("no such database"));
  ASSERT_TRUE(init_store(address, {}));
  ASSERT_TRUE(init_store(address, {}));
  const auto status = status_of_store(address, {}, folder_.path());
  ASSERT_TRUE(status) << status.error().message();
  EXPECT_EQ(status->tables.size(), 8U);
  EXPECT_GT(status->size_bytes.value(), 0U);
}

TEST_F(MysqlStoreTest, OpeningForWritingUpgradesAndKeepsEveryRow) {
  make_version_1("upgrade");
  const auto store = open("upgrade");
  check_upgraded(*store);
  const auto again = open("upgrade");
  EXPECT_EQ(again->version(), schema_version);
}

TEST_F(MysqlStoreTest, ReadOnlyReadsVersion1AndChangesNothing) {
  make_version_1("old");
  {
    const auto store = open_store(url("old"), {.read_only = true});
    ASSERT_TRUE(store) << store.error().message();
    EXPECT_EQ((*store)->version(), 1);
    expect_version_1_rows(**store);
    EXPECT_EQ(columns_of_probes(**store), 34);
  }
  const auto status = status_of_store(url("old"), {}, folder_.path());
  ASSERT_TRUE(status) << status.error().message();
  EXPECT_EQ(status->schema_version, 1);
  check_upgraded(*open("old"));
}

TEST_F(MysqlStoreTest, AnInterruptedUpgradeIsFinishedByTheNextOpening) {
  // After the first of two steps, and where a server adds columns one by one.
  for (const auto* columns : {"ADD COLUMN sender_xdp_rx BIGINT",
                              "ADD COLUMN sender_xdp_rx BIGINT, ADD COLUMN sender_xdp_tx BIGINT, "
                              "ADD COLUMN sender_tx_completion BIGINT, ADD COLUMN reflector_xdp_rx "
                              "BIGINT, ADD COLUMN reflector_xdp_tx BIGINT, ADD COLUMN "
                              "reflector_tx_completion BIGINT"}) {
    make_version_1("interrupted");
    ASSERT_TRUE(
        open_raw("interrupted")->sql()->change(fmt::format("ALTER TABLE probes {}", columns)));
    const auto store = open("interrupted");
    EXPECT_EQ(columns_of_probes(*store), static_cast<int>(probe_column_count));
    check_upgraded(*store);
  }
}

TEST_F(MysqlStoreTest, ManyThatUpgradeAtOnceAllSucceed) {
  constexpr int rounds = 5;
  for (int round = 0; round < rounds; ++round) {
    make_version_1("at_once");
    std::array<bool, 6> opened{};
    std::vector<std::jthread> openers;
    for (bool& done : opened) {
      openers.emplace_back([&] {
        const auto store = open_store(url("at_once"), {});
        EXPECT_TRUE(store) << store.error().message();
        done = store && (*store)->version() == schema_version;
      });
    }
    openers.clear();
    EXPECT_THAT(opened, testing::Each(true));
  }
  check_upgraded(*open("at_once"));
}

TEST_F(MysqlStoreTest, AnUpgradeThatMustWaitTooLongIsTransient) {
  make_version_1("locked");
  const auto reader = open_raw("locked");
  ASSERT_TRUE(reader->sql()->change("LOCK TABLES probes READ"));
  const auto refused = open_store(url("locked"), {.io_timeout = 4s});
  ASSERT_FALSE(refused);
  EXPECT_TRUE(is_transient(refused.error())) << refused.error().message();
  EXPECT_THAT(refused.error().message(), HasSubstr("upgrade the tables"));
  ASSERT_TRUE(reader->sql()->change("UNLOCK TABLES"));
  check_upgraded(*open("locked"));
}

TEST_F(MysqlStoreTest, AnAccountThatMayNotAlterIsToldSo) {
  make_version_1("no_alter");
  const auto root = open_raw("no_alter");
  ASSERT_TRUE(root->sql()->change("CREATE OR REPLACE USER writer@localhost"));
  ASSERT_TRUE(root->sql()->change("GRANT SELECT, INSERT ON no_alter.* TO writer@localhost"));
  auto address = url("no_alter");
  address.user = "writer";
  const auto refused = open_store(address, {});
  ASSERT_FALSE(refused);
  EXPECT_FALSE(is_transient(refused.error()));
  EXPECT_THAT(refused.error().message(), HasSubstr("lacks a right"));
  address.user = "root";
  const auto reader = open_store(address, {.read_only = true});
  ASSERT_TRUE(reader);
  EXPECT_EQ((*reader)->version(), 1);
}

TEST_F(MysqlStoreTest, AVersionThatIsNotKnownIsRefused) {
  ASSERT_TRUE(open("later")->sql()->change("UPDATE netobs_schema SET version=4").has_value());
  for (const bool read_only : {false, true}) {
    const auto refused = open_store(url("later"), {.read_only = read_only});
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().message(), HasSubstr("schema version 4; this netobs knows"));
  }
}

TEST_F(MysqlStoreTest, AWrongPasswordIsExplainedWithoutShowingIt) {
  auto address = url("status");
  address.password = "hunter2";
  const auto store = open_store(address, {});
  ASSERT_FALSE(store);
  EXPECT_FALSE(is_transient(store.error()));
  EXPECT_THAT(store.error().message(), HasSubstr("refuses this user or password"));
  EXPECT_THAT(store.error().message(), HasSubstr("NETOBS_MYSQL_PASSWORD"));
  EXPECT_THAT(store.error().message(), Not(HasSubstr("hunter2")));

  // The same from an option file.
  const auto file = folder_ / "my.cnf";
  std::ofstream(file) << "[client]\npassword=hunter2\n";
  auto with_file = url("status");
  with_file.option_file = file;
  EXPECT_THAT(open_store(with_file, {}).error().message(), HasSubstr("refuses"));
}

TEST_F(MysqlStoreTest, NothingThereIsTransient) {
  const auto store = open_store(parse_url("mysql://root@127.0.0.1:1/d", {}).value(), {});
  ASSERT_FALSE(store);
  EXPECT_TRUE(is_transient(store.error())) << store.error().message();
}

TEST_F(MysqlStoreTest, TlsIsInsistedOnWhereAsked) {
  // This server has no certificate.
  const std::string address = "mysql://root@127.0.0.1:33906/tls?tls=";
  for (const auto* mode : {"off", "prefer"}) {
    const auto store = open_store(parse_url(address + mode, {}).value(), {});
    EXPECT_TRUE(store) << mode << ": " << store.error().message();
  }
  for (const auto* mode : {"require", "verify"}) {
    const auto store = open_store(parse_url(address + mode, {}).value(), {});
    ASSERT_FALSE(store) << mode;
    EXPECT_THAT(store.error().message(), HasSubstr("TLS"));
  }
}

TEST_F(MysqlStoreTest, TlsIsUsedAndVerifiedWhereTheServerHasACertificate) {
  const auto command = fmt::format(
      "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost "
      "-addext subjectAltName=IP:127.0.0.1 -keyout {0}/key.pem -out {0}/cert.pem 2>/dev/null",
      folder_.path());
  if (std::system(command.c_str()) != 0) GTEST_SKIP() << "the openssl program is not installed";
  const auto secure = MariadbServer::make({"--bind-address=127.0.0.1", "--port=33907",
                                           "--ssl-key=" + (folder_ / "key.pem"),
                                           "--ssl-cert=" + (folder_ / "cert.pem")});
  ASSERT_NE(secure, nullptr);
  const auto outcome = [&](const std::string& options) {
    return open_store(parse_url("mysql://root@127.0.0.1:33907/tls?tls=" + options, {}).value(), {});
  };
  for (const auto& options :
       {std::string("prefer"), std::string("require"), "verify&ca=" + (folder_ / "cert.pem")}) {
    const auto store = outcome(options);
    EXPECT_TRUE(store) << options << ": " << store.error().message();
  }
  // Signed by nobody this machine trusts.
  EXPECT_FALSE(outcome("verify"));
}

TEST_F(MysqlStoreTest, AKilledServerLosesAndDoublesNothing) {
  constexpr std::uint64_t rows = 30'000;
  const auto address = url("killed");
  WriterOptions options;
  options.spool_directory = folder_.path();
  options.batch_rows = 500;
  options.queue_rows = 1000;
  options.queue_wait = 0ms;
  options.retry_first = 1ms;
  auto started = Writer::start(address, {}, options);
  ASSERT_TRUE(started) << started.error().message();
  auto& writer = **started;
  writer.add_rows(to_rows(sample_run()));
  for (std::uint64_t first = 0; first < rows; first += 100) {
    if (first == rows / 3) server->kill();
    if (first == rows / 3 * 2) {
      ASSERT_TRUE(server->start());
    }
    writer.add_probes(sample_probes(first, 100), sample_run_id);
  }
  const auto counters = writer.finish();
  EXPECT_EQ(counters.rows_written, rows) << counters.last_error;
  EXPECT_EQ(counters.rows_spilled, 0U);
  EXPECT_EQ(counters.rows_lost, 0U);
  EXPECT_EQ(spooled_rows(address, folder_.path()).value(), 0U);

  const auto store = open("killed");
  EXPECT_EQ(store->count_rows(probes_table()).value(), rows);
  const auto probes = read_probes(*store);
  ASSERT_EQ(probes.size(), rows);
  for (std::uint64_t i = 0; i < rows; ++i) ASSERT_EQ(probes[i].sequence, i);
  EXPECT_EQ(store->find_run("last").value(), sample_run());
}

TEST_F(MysqlStoreTest, AnOpenStoreSurvivesARestart) {
  const auto store = open("restart");
  ASSERT_TRUE(store->write(probe_batch(sample_probes(0, 300))));
  server->kill();
  const auto refused = store->write(probe_batch(sample_probes(300, 300)));
  ASSERT_FALSE(refused);
  EXPECT_TRUE(is_transient(refused.error())) << refused.error().message();
  ASSERT_TRUE(server->start());
  ASSERT_TRUE(store->write(probe_batch(sample_probes(300, 300))));
  EXPECT_EQ(read_probes(*store).size(), 600U);
}

}  // namespace
}  // namespace netobs::store
