#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sqlite3.h>

#include <fstream>
#include <iterator>
#include <thread>

#include "store/jsonl_store.hpp"
#include "store/open.hpp"
#include "store/spool.hpp"
#include "store/sqlite_store.hpp"
#include "store/status.hpp"
#include "version_1.hpp"

namespace netobs::store {
namespace {

using testing::HasSubstr;

void execute(const std::string& path, const std::string& sql) {
  sqlite3* db = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &db), SQLITE_OK);
  EXPECT_EQ(sqlite3_exec(db, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK)
      << sqlite3_errmsg(db);
  sqlite3_close(db);
}

std::string bytes_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

Result<std::unique_ptr<SqliteStore>> open_at(const std::string& path, bool read_only = false) {
  return SqliteStore::open(path, {.read_only = read_only});
}

class UpgradeSqlite : public testing::Test {
 protected:
  void SetUp() override {
    execute(path_, version_1_sqlite);
    execute(path_, version_1_rows);
  }
  TempFolder folder_;
  std::string path_ = folder_ / "old.db";
};

TEST_F(UpgradeSqlite, OpeningForWritingUpgradesAndKeepsEveryRow) {
  check_upgraded(**open_at(path_));
  EXPECT_EQ((*open_at(path_, true))->version(), schema_version);
}

TEST_F(UpgradeSqlite, ReadOnlyReadsItAndLeavesEveryByte) {
  const auto before = bytes_of(path_);
  ASSERT_FALSE(before.empty());
  {
    const auto store = open_at(path_, true).value();
    EXPECT_EQ(store->version(), 1);
    expect_version_1_rows(*store);
  }
  const auto status = status_of_store(parse_url(path_, {}).value(), {}, folder_ / "spool");
  ASSERT_TRUE(status) << status.error().message();
  EXPECT_EQ(status->schema_version, 1);
  EXPECT_EQ(bytes_of(path_), before);
}

TEST_F(UpgradeSqlite, AnInterruptedUpgradeIsFinishedByTheNextOpening) {
  execute(path_,
          "ALTER TABLE probes ADD COLUMN sender_xdp_tx INTEGER;"
          "ALTER TABLE probes ADD COLUMN reflector_xdp_rx INTEGER");
  expect_version_1_rows(**open_at(path_, true));
  check_upgraded(**open_at(path_));
}

TEST_F(UpgradeSqlite, AnUpgradeThatFailsChangesNothing) {
  const auto before = bytes_of(path_);
  sqlite3* other = nullptr;
  ASSERT_EQ(sqlite3_open(path_.c_str(), &other), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(other, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr), SQLITE_OK);
  const auto refused = SqliteStore::open(path_, {.busy_timeout_ms = 0});
  sqlite3_close(other);
  ASSERT_FALSE(refused);
  EXPECT_TRUE(is_transient(refused.error())) << refused.error().message();
  EXPECT_EQ((*open_at(path_, true))->version(), 1);
  check_upgraded(**open_at(path_));
}

TEST_F(UpgradeSqlite, ManyAtOnceAllSucceed) {
  std::vector<std::jthread> openers;
  std::array<bool, 6> opened{};
  for (bool& done : opened) {
    openers.emplace_back([&] {
      const auto store = open_at(path_);
      done = store && (*store)->version() == schema_version;
    });
  }
  openers.clear();
  EXPECT_THAT(opened, testing::Each(true));
  check_upgraded(**open_at(path_));
}

TEST_F(UpgradeSqlite, AWriterOfTheOldProgramGoesOn) {
  sqlite3* old = nullptr;
  ASSERT_EQ(sqlite3_open(path_.c_str(), &old), SQLITE_OK);
  sqlite3_stmt* insert = nullptr;
  ASSERT_EQ(sqlite3_prepare_v2(old,
                               "INSERT INTO probes (run_id, sequence, intended_ns, send_error_ns, "
                               "outcome, reflector_sequence, reply_count, reflector_ttl, "
                               "reply_ttl, flags) VALUES (1, 1, 0, 0, 0, 0, 0, 0, 0, 0)",
                               -1, &insert, nullptr),
            SQLITE_OK);
  const auto store = open_at(path_).value();
  EXPECT_EQ(sqlite3_step(insert), SQLITE_DONE) << sqlite3_errmsg(old);
  sqlite3_finalize(insert);
  sqlite3_close(old);
  EXPECT_EQ(read_probes(*store, 1).size(), 1U);
}

TEST_F(UpgradeSqlite, AVersionThatIsNotKnownIsRefused) {
  for (const std::int64_t version : {std::int64_t{0}, schema_version + 1}) {
    execute(path_, "UPDATE netobs_schema SET version = " + std::to_string(version));
    const auto before = bytes_of(path_);
    for (const bool read_only : {false, true}) {
      const auto refused = open_at(path_, read_only);
      ASSERT_FALSE(refused);
      EXPECT_FALSE(is_transient(refused.error()));
      EXPECT_THAT(
          refused.error().message(),
          HasSubstr(fmt::format("schema version {}; this netobs knows versions 1 to 3", version)));
    }
    EXPECT_EQ(bytes_of(path_), before);
  }
}

TEST_F(UpgradeSqlite, AForeignTableOfThatNameIsRefused) {
  execute(path_, "ALTER TABLE probes DROP COLUMN sender_app_rx");
  EXPECT_THAT(open_at(path_).error().message(), HasSubstr("probes is not the one netobs makes"));
}

TEST_F(UpgradeSqlite, RowsThatWaitInAnOldSpoolAreSent) {
  const std::string destination = "mysql://user@server/database";
  const auto spool_folder = folder_ / "spool";
  std::string file;
  {
    // Its name follows from the destination: taken from a spool that has one row.
    Spool spool(spool_folder, destination);
    ASSERT_TRUE(spool.add(probe_batch(sample_probes(0, 1))));
    for (const auto& entry : std::filesystem::directory_iterator(spool_folder)) {
      if (entry.path().extension() == ".db") file = entry.path();
    }
  }
  ASSERT_FALSE(file.empty());
  for (const char* suffix : {"", "-wal", "-shm"}) std::filesystem::remove(file + suffix);
  std::filesystem::copy(path_, file);
  Spool spool(spool_folder, destination);
  const auto store = open_at(folder_ / "new.db").value();
  EXPECT_EQ(flush(spool, *store).value(), 2U);
  expect_version_1_rows(*store);
  EXPECT_EQ(spool.waiting().value(), 0U);
}

TEST(UpgradeJsonl, LinesOfVersion1AreRead) {
  // Version 1 wrote the same keys but those of the points it did not know.
  const TempFolder folder;
  const auto path = folder / "rows";
  std::ofstream(path) << R"({"table":"probes","run_id":9167639991466065921,"sequence":4,)"
                      << R"("intended_ns":1,"send_error_ns":2,"outcome":0,)"
                      << R"("reflector_sequence":4,"reply_count":1,"reflector_ttl":64,)"
                      << R"("reply_ttl":64,"flags":0,"sender_app_tx":7,"sender_app_rx":9,)"
                      << R"("reflector_app_tx":null})"
                      << "\n";
  const auto store = JsonlStore::open(path, false).value();
  ASSERT_TRUE(store->write(probe_batch(std::vector{later_probe(5)})));
  const auto probes = read_probes(*store);
  ASSERT_EQ(probes.size(), 2U);
  EXPECT_EQ(probes[0].at(Host::sender, Point::app_rx), 9);
  EXPECT_EQ(probes[0].at(Host::sender, Point::xdp_rx), std::nullopt);
  EXPECT_EQ(probes[1].at(Host::reflector, Point::tx_completion), 507);
}

}  // namespace
}  // namespace netobs::store
