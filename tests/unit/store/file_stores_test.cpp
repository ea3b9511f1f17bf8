#include <fcntl.h>
#include <gmock/gmock.h>
#include <sched.h>
#include <sqlite3.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include <cerrno>
#include <csignal>
#include <fstream>

#include "sample.hpp"
#include "store/conditions_row.hpp"
#include "store/jsonl_store.hpp"
#include "store/open.hpp"
#include "store/sqlite_store.hpp"
#include "store/status.hpp"
#include "store_contract.hpp"

namespace netobs::store {
namespace {

using testing::HasSubstr;

std::unique_ptr<Store> open_at(const std::string& url, OpenOptions options = {}) {
  auto opened = open_store(parse_url(url, {}).value(), options);
  EXPECT_TRUE(opened) << opened.error().message();
  return opened ? std::move(*opened) : nullptr;
}

Error open_error(const std::string& url, OpenOptions options = {}) {
  auto opened = open_store(parse_url(url, {}).value(), options);
  EXPECT_FALSE(opened);
  return opened ? Error{} : opened.error();
}

void execute(const std::string& path, const char* sql) {
  sqlite3* db = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &db), SQLITE_OK);
  EXPECT_EQ(sqlite3_exec(db, sql, nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(db);
  sqlite3_close(db);
}

/// Limits how large a file may grow for one scope: a write that does not fit, without a privilege.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit now{bytes, before_.rlim_max};
    old_ = std::signal(SIGXFSZ, SIG_IGN);
    ::setrlimit(RLIMIT_FSIZE, &now);
  }
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, old_);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  rlimit before_{};
  void (*old_)(int) = nullptr;
};

/// A file system with little room, seen by this process only.
class TinyDisk {
 public:
  explicit TinyDisk(std::string folder) : folder_(std::move(folder)) {
    mounted_ = ::unshare(CLONE_NEWNS) == 0 &&
               ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
               ::mount("tmpfs", folder_.c_str(), "tmpfs", 0, "size=600k") == 0;
  }
  ~TinyDisk() {
    if (mounted_) ::umount2(folder_.c_str(), MNT_DETACH);
  }
  TinyDisk(const TinyDisk&) = delete;
  TinyDisk& operator=(const TinyDisk&) = delete;
  [[nodiscard]] bool mounted() const { return mounted_; }

 private:
  std::string folder_;
  bool mounted_ = false;
};

class FileStores : public testing::TestWithParam<std::string> {
 protected:
  [[nodiscard]] std::string url() const { return GetParam() + (folder_ / "store"); }
  TempFolder folder_;
};

TEST_P(FileStores, RoundTrip) {
  check_round_trip(*open_at(url()));
  // And again from the file alone.
  EXPECT_EQ(read_probes(*open_at(url(), {.read_only = true})).size(), 5337U);
}
TEST_P(FileStores, MetricTables) {
  check_metric_tables(*open_at(url()));
}
TEST_P(FileStores, Upsert) {
  check_upsert(*open_at(url()));
}
TEST_P(FileStores, FindAndDelete) {
  check_find_and_delete(*open_at(url()));
}
TEST_P(FileStores, RefusesBadValues) {
  check_refuses_bad_values(*open_at(url()));
}

TEST_P(FileStores, ReadOnlyNeverCreates) {
  EXPECT_EQ(open_error(url(), {.read_only = true}).sys_errno, ENOENT);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "store"));
}

TEST_P(FileStores, AnUnusableFolderIsNamed) {
  const auto error = open_error(GetParam() + "/nonexistent/folder/store");
  EXPECT_THAT(error.message(), HasSubstr("/nonexistent/folder/store"));
  EXPECT_FALSE(is_transient(error));
}

TEST_P(FileStores, AWriteThatDoesNotFitLosesNothingCommitted) {
  const auto store = open_at(url());
  ASSERT_TRUE(store->write(probe_batch(sample_probes(0, 100))));
  {
    const FileSizeLimit limit(400'000);
    std::optional<Error> failure;
    for (std::uint64_t first = 100; !failure && first < 100'000; first += 1000) {
      const auto outcome = store->write(probe_batch(sample_probes(first, 1000)));
      if (!outcome) failure = outcome.error();
    }
    ASSERT_TRUE(failure);
    EXPECT_TRUE(is_transient(*failure)) << failure->message();
  }
  // Every batch is there whole or not at all.
  const auto kept = read_probes(*store).size();
  EXPECT_GE(kept, 100U);
  EXPECT_EQ(kept % 1000, 100U);
  EXPECT_TRUE(store->write(probe_batch(sample_probes(200'000, 100))));
  EXPECT_EQ(read_probes(*store).size(), kept + 100);
}

TEST_P(FileStores, AFullDiskIsExplainedAndLosesNothingCommitted) {
  const TinyDisk disk(folder_.path());
  if (!disk.mounted()) GTEST_SKIP() << "mounting a tmpfs needs root";
  const auto store = open_at(url());
  std::uint64_t committed = 0;
  std::optional<Error> failure;
  for (; !failure && committed < 100'000; committed += failure ? 0U : 100U) {
    const auto outcome = store->write(probe_batch(sample_probes(committed, 100)));
    if (!outcome) failure = outcome.error();
  }
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->sys_errno, ENOSPC) << failure->message();
  EXPECT_TRUE(is_transient(*failure));
  EXPECT_THAT(failure->message(), HasSubstr("Free space"));
  EXPECT_GT(committed, 0U);
  // Counted outside the full disk: reading JSON lines sorts them in the temporary folder.
  EXPECT_EQ(store->count_rows(probes_table()).value(), committed);
}

TEST_P(FileStores, InitAndStatus) {
  const auto parsed = parse_url(url(), {}).value();
  EXPECT_FALSE(status_of_store(parsed, {}, folder_.path()));
  ASSERT_TRUE(init_store(parsed, {}));
  ASSERT_TRUE(init_store(parsed, {}));
  ASSERT_TRUE(open_at(url())->write(probe_batch(sample_probes(0, 3))));
  const auto status = status_of_store(parsed, {}, folder_.path());
  ASSERT_TRUE(status) << status.error().message();
  EXPECT_EQ(status->schema_version, schema_version);
  EXPECT_EQ(status->spooled_rows, 0U);
  ASSERT_EQ(status->tables.size(), 8U);
  EXPECT_EQ(status->tables[1].table, "probes");
  EXPECT_EQ(status->tables[1].rows, 3U);
  EXPECT_GT(status->size_bytes.value(), 0U);
}

INSTANTIATE_TEST_SUITE_P(Kinds, FileStores, testing::Values("sqlite:", "jsonl:"),
                         [](const auto& kind) {
                           return kind.param.substr(0, kind.param.size() - 1);
                         });

TEST(SqliteStore, WrongFilesAreErrors) {
  const TempFolder folder;
  const auto path = folder / "file";
  std::ofstream(path) << std::string(5000, 'x');
  EXPECT_THAT(open_error(path).message(), HasSubstr("not a SQLite database"));
  EXPECT_THAT(open_error(folder.path()).message(), HasSubstr("open"));

  const auto other = folder / "other.db";
  execute(other, "CREATE TABLE runs (name TEXT)");
  EXPECT_THAT(open_error(other).message(), HasSubstr("table runs is not the one netobs makes"));
}

TEST(SqliteStore, AStoreWithoutALaterTableIsReadAndCompleted) {
  const TempFolder folder;
  const auto path = folder / "old.db";
  ASSERT_TRUE(open_at(path)->write(probe_batch(sample_probes(0, 3))));
  execute(path, "DROP TABLE udp_metrics; DROP TABLE interval_counts");
  const auto reader = open_at(path, {.read_only = true});
  EXPECT_EQ(reader->count_rows(probes_table()).value(), 3U);
  EXPECT_EQ(reader->count_rows(udp_metrics_table()).value(), 0U);
  EXPECT_EQ(reader->count_rows(interval_counts_table()).value(), 0U);
  ASSERT_TRUE(open_at(path)->write(to_rows(7, conditions::Conditions{}, "{}").view()));
  EXPECT_EQ(open_at(path)->count_rows(udp_metrics_table()).value(), 1U);
  EXPECT_EQ(open_at(path)->count_rows(probes_table()).value(), 3U);
  // Each of them, also when the others are there.
  for (const Table* table : all_tables()) {
    if (!is_added_table(*table)) continue;
    execute(path, ("DROP TABLE " + std::string(table->name)).c_str());
    const auto store = open_at(path);
    const auto found =
        store->scan(*table, std::nullopt, [](const auto&) { return Result<void>{}; });
    EXPECT_TRUE(found) << table->name;
  }
}

TEST(SqliteStore, WrongTypesInAFileAreErrors) {
  const TempFolder folder;
  const auto path = folder / "file.db";
  open_at(path)->write(to_rows(sample_run()).view()).value();
  execute(path, "UPDATE runs SET target = x'00ff', sent = 'many'");
  const auto store = open_at(path);
  const auto run = store->find_run("last");
  ASSERT_FALSE(run);
  EXPECT_THAT(run.error().message(), HasSubstr("column target"));
}

TEST(SqliteStore, ADamagedFileIsAnError) {
  const TempFolder folder;
  const auto path = folder / "file.db";
  open_at(path)->write(probe_batch(sample_probes(0, 2000))).value();
  const auto size = std::filesystem::file_size(path);
  {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    // Pages two and up; the first holds the schema.
    file.seekp(8192);
    for (auto i = std::uintmax_t{8192}; i < size; ++i) file.put(static_cast<char>(i * 131 >> 3));
  }
  const auto opened = open_store(parse_url(path, {}).value(), {});
  if (!opened) return;  // as good: refused at once
  const auto count = (*opened)->scan_probes(sample_run_id, [](auto) { return Result<void>{}; });
  EXPECT_FALSE(count);
}

TEST(SqliteStore, ALockedFileIsTransient) {
  const TempFolder folder;
  const auto path = folder / "file.db";
  const auto store = open_at(path, {.lock_timeout = std::chrono::milliseconds(0)});
  sqlite3* other = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &other), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(other, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr), SQLITE_OK);
  const auto outcome = store->write(probe_batch(sample_probes(0, 1)));
  ASSERT_FALSE(outcome);
  EXPECT_TRUE(is_transient(outcome.error()));
  EXPECT_THAT(outcome.error().message(), HasSubstr("holds a lock"));
  sqlite3_close(other);
  EXPECT_TRUE(store->write(probe_batch(sample_probes(0, 1))));
}

TEST(JsonlStore, SkipsAndCountsMalformedLines) {
  const TempFolder folder;
  const auto path = folder / "rows";
  std::ofstream(path) << "not json\n"
                      << "{\"table\":\"probes\"}\n"
                      << "{\"table\":\"nothing\",\"run_id\":1}\n"
                      << "[1,2,3]\n\n"
                      << std::string(200'000, '[') << "\n"
                      << "{\"table\":\"run_points\",\"run_id\":5,\"host\":\"sender\",\"point\":"
                         "\"app_tx\",\"reason\":\"captured\",\"count\":9,\"more\":true}\n"
                      << "{\"table\":\"run_points\",\"run_id\":18446744073709551615,\"host\":"
                         "\"sender\",\"point\":\"app_tx\",\"reason\":\"captured\",\"count\":9}\n"
                      << std::string(JsonlStore::max_line_bytes + 1, ' ') << "\n"
                      << "{\"table\":\"runs\",\"run_id\":5,\"started";
  auto store = JsonlStore::open(path, false).value();
  EXPECT_THAT(store->load_points(5).value(),
              testing::ElementsAre(PointCount{Host::sender, Point::app_tx, "captured", 9}));
  EXPECT_EQ(store->malformed_lines(), 9U);
  // The cut last line does not swallow the next row.
  ASSERT_TRUE(store->write(to_rows(sample_run()).view()));
  EXPECT_EQ(store->find_run("last").value(), sample_run());
  EXPECT_EQ(store->malformed_lines(), 9U);
}

TEST(JsonlStore, ALineIsReadable) {
  const TempFolder folder;
  const auto path = folder / "rows";
  auto store = JsonlStore::open(path, false).value();
  RollupRow rollup;
  rollup.metric = "rtt/\"app\"";
  rollup.mean_ns = 2;
  rollup.distribution = std::string("\x00\xff", 2);
  ASSERT_TRUE(store->write(to_rows(1, std::span(&rollup, 1)).view()));
  std::string line;
  std::getline(*std::make_unique<std::ifstream>(path), line);
  EXPECT_EQ(line, R"({"table":"rollups","run_id":1,"metric":"rtt/\"app\"","interval_start_ns":0,)"
                  R"("count":0,"min_ns":0,"max_ns":0,"mean_ns":2.0,"p50_ns":null,"p90_ns":null,)"
                  R"("p99_ns":null,"p99_9_ns":null,"distribution":"00ff"})");
}

TEST(JsonlStore, FullDeviceIsTransient) {
  auto store = JsonlStore::open("/dev/full", false);
  ASSERT_TRUE(store) << store.error().message();
  const auto outcome = (*store)->write(to_rows(sample_run()).view());
  ASSERT_FALSE(outcome);
  EXPECT_TRUE(is_transient(outcome.error())) << outcome.error().message();
}

}  // namespace
}  // namespace netobs::store
