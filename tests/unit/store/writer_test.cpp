#include "store/writer.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <cerrno>
#include <fstream>
#include <map>
#include <semaphore>

#include "sample.hpp"
#include "store/status.hpp"

namespace netobs::store {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

/// A server in memory that can be switched off, and that outlives its connections.
struct FakeServer {
  std::mutex mutex;
  std::map<std::pair<std::int64_t, std::int64_t>, int> probes;  // key -> times written
  std::map<std::int64_t, std::string> targets;                  // of runs
  int connections = 0;
  std::atomic<int> sys_errno = 0;  // what every call fails with; 0 = it works
  std::atomic<bool> gated = false;
  std::counting_semaphore<> entered{0};  // a gated write has begun
  std::counting_semaphore<> go{0};       // lets one gated write go on
};

class FakeStore final : public Store {
 public:
  explicit FakeStore(FakeServer& server) : server_(server) {}
  Result<void> delete_run(std::int64_t) override { return {}; }
  Result<std::uint64_t> count_rows(const Table&) override { return 0; }
  std::optional<std::uint64_t> size_bytes() override { return std::nullopt; }
  std::string description() const override { return "fake"; }

 private:
  Result<void> do_write(const Batch& batch) override {
    if (server_.gated) {
      server_.entered.release();
      server_.go.acquire();
    }
    if (const int error = server_.sys_errno; error != 0) return fail({"write", error, {}, {}});
    const std::scoped_lock lock(server_.mutex);
    const std::size_t width = batch.table->columns.size();
    for (std::size_t i = 0; i < batch.cells.size(); i += width) {
      if (batch.table == &probes_table()) {
        ++server_.probes[{batch.cells[i].integer, batch.cells[i + 1].integer}];
      } else if (batch.table == &runs_table()) {
        server_.targets[batch.cells[i].integer] = batch.cells[i + 3].bytes;
      }
    }
    return {};
  }
  Result<void> do_scan(const Table&, std::optional<std::int64_t>, const RowSink&) override {
    return {};
  }
  FakeServer& server_;
};

class WriterTest : public testing::Test {
 protected:
  Writer::Factory factory() {
    return [this]() -> Result<std::unique_ptr<Store>> {
      ++server_.connections;
      if (const int error = server_.sys_errno; error != 0) {
        return fail({"connect to fake", error, "It is off.", "Switch it on."});
      }
      return std::make_unique<FakeStore>(server_);
    };
  }
  WriterOptions options() const {
    WriterOptions options;
    options.spool_directory = folder_ / "spool";
    options.batch_rows = 100;
    options.queue_wait = 0ms;
    options.retry_first = 0ms;
    options.retry_last = 0ms;
    return options;
  }
  std::unique_ptr<Writer> start(const WriterOptions& with) {
    auto writer = Writer::start(factory(), "fake", with);
    EXPECT_TRUE(writer) << writer.error().message();
    return std::move(*writer);
  }
  std::uint64_t spooled() const { return Spool(folder_ / "spool", "fake").waiting().value(); }
  bool spool_file_exists() const {
    return std::filesystem::exists(Spool(folder_ / "spool", "fake").path());
  }
  /// Every sequence from 0 to count - 1 is there.
  void expect_all(std::uint64_t count, std::int64_t run_id = sample_run_id) {
    std::uint64_t found = 0;
    for (const auto& [key, times] : server_.probes) found += key.first == run_id ? 1U : 0U;
    EXPECT_EQ(found, count);
    EXPECT_TRUE(server_.probes.contains({run_id, static_cast<std::int64_t>(count) - 1}));
  }

  TempFolder folder_;
  FakeServer server_;
};

TEST_F(WriterTest, WritesEverythingAndLeavesNoSpool) {
  auto writer = start(options());
  for (std::uint64_t first = 0; first < 1000; first += 7) {
    writer->add_probes(sample_probes(first, std::min<std::size_t>(7, 1000 - first)), sample_run_id);
  }
  writer->add_rows(to_rows(sample_run()));
  const auto counters = writer->finish();
  EXPECT_EQ(counters.rows_written, 1000U);
  EXPECT_EQ(counters.rows_spilled, 0U);
  EXPECT_EQ(counters.rows_lost, 0U);
  EXPECT_EQ(counters.last_error, "");
  EXPECT_EQ(writer->finish().rows_written, 1000U);
  expect_all(1000);
  EXPECT_EQ(server_.targets.at(sample_run_id), "198.18.0.2:862");
  EXPECT_FALSE(spool_file_exists());
}

TEST_F(WriterTest, AnIncompleteBatchIsWrittenWithoutFinish) {
  server_.gated = true;
  auto with = options();
  with.flush_interval = 1ms;
  auto writer = start(with);
  writer->add_probes(sample_probes(0, 3), sample_run_id);
  server_.entered.acquire();  // returns only because the thread took the three by itself
  server_.gated = false;
  server_.go.release();
  EXPECT_EQ(writer->finish().rows_written, 3U);
}

TEST_F(WriterTest, AWrongPasswordFailsTheStart) {
  server_.sys_errno = EACCES;
  for (const bool require : {true, false}) {
    auto with = options();
    with.require_connection = require;
    const auto writer = Writer::start(factory(), "fake", with);
    ASSERT_FALSE(writer);
    EXPECT_THAT(writer.error().message(), HasSubstr("Switch it on."));
  }
}

TEST_F(WriterTest, AnAbsentServerFailsTheStartUnlessAllowed) {
  server_.sys_errno = ECONNREFUSED;
  EXPECT_FALSE(Writer::start(factory(), "fake", options()));
  auto with = options();
  with.require_connection = false;
  auto writer = start(with);
  writer->add_probes(sample_probes(0, 250), sample_run_id);
  writer->add_rows(to_rows(sample_run()));
  const auto counters = writer->finish();
  EXPECT_EQ(counters.rows_written, 0U);
  EXPECT_EQ(counters.rows_spilled, 250U);
  EXPECT_EQ(counters.rows_lost, 0U);
  EXPECT_THAT(counters.last_error, HasSubstr("connect to fake"));
  EXPECT_EQ(spooled(), 251U);

  // The next run brings them along and counts them apart.
  server_.sys_errno = 0;
  auto next = start(options());
  next->add_probes(sample_probes(0, 10), 77);
  const auto later = next->finish();
  EXPECT_EQ(later.rows_written, 10U);
  EXPECT_EQ(later.rows_recovered, 250U);
  expect_all(250);
  expect_all(10, 77);
  EXPECT_EQ(server_.targets.size(), 1U);
  EXPECT_FALSE(spool_file_exists());
}

TEST_F(WriterTest, AStoreThatGoesAndComesBackLosesNothing) {
  auto writer = start(options());
  for (std::uint64_t round = 0; round < 20; ++round) {
    server_.sys_errno = round % 3 == 1 ? ECONNRESET : 0;
    writer->add_probes(sample_probes(round * 150, 150), sample_run_id);
  }
  server_.sys_errno = 0;
  const auto counters = writer->finish();
  EXPECT_EQ(counters.rows_written, 3000U);
  EXPECT_EQ(counters.rows_spilled, 0U);
  EXPECT_EQ(counters.rows_lost, 0U);
  expect_all(3000);
  EXPECT_FALSE(spool_file_exists());
}

TEST_F(WriterTest, ABlockedStoreMakesTheCallerSpillAndNotWait) {
  server_.gated = true;
  auto with = options();
  with.queue_rows = 300;
  auto writer = start(with);
  writer->add_probes(sample_probes(0, 100), sample_run_id);
  server_.entered.acquire();  // the thread is inside the store now
  writer->add_probes(sample_probes(100, 1900), sample_run_id);
  // 100 in the store, 300 in the queue, the rest on disk; nothing waits for the store.
  EXPECT_EQ(writer->counters().rows_spilled, 1600U);
  server_.gated = false;
  server_.go.release();
  const auto counters = writer->finish();
  EXPECT_EQ(counters.rows_written, 2000U);
  EXPECT_EQ(counters.rows_spilled, 0U);
  expect_all(2000);
  EXPECT_FALSE(spool_file_exists());
}

TEST_F(WriterTest, AnOlderVersionOfARunNeverWins) {
  auto with = options();
  with.require_connection = false;
  server_.sys_errno = ECONNREFUSED;
  auto writer = start(with);
  auto run = sample_run();
  run.target = "old";
  writer->add_rows(to_rows(run));
  writer->add_probes(sample_probes(0, 100), sample_run_id);
  server_.sys_errno = 0;
  run.target = "new";
  writer->add_rows(to_rows(run));
  EXPECT_EQ(writer->finish().rows_written, 100U);
  EXPECT_EQ(server_.targets.at(sample_run_id), "new");
}

TEST_F(WriterTest, WithoutARoomForTheSpoolTheLossIsCounted) {
  std::ofstream(folder_ / "spool") << "a file, not a folder";
  auto writer = start(options());
  server_.sys_errno = ENOSPC;
  writer->add_probes(sample_probes(0, 250), sample_run_id);
  writer->add_rows(to_rows(sample_run()));
  const auto counters = writer->finish();
  EXPECT_EQ(counters.rows_written, 0U);
  EXPECT_EQ(counters.rows_spilled, 0U);
  EXPECT_EQ(counters.rows_lost, 250U);
  EXPECT_EQ(counters.other_rows_lost, 1U);
  EXPECT_NE(counters.last_error, "");
}

TEST_F(WriterTest, ASpooledRunIsReportableAfterTheFlush) {
  const TempFolder elsewhere;
  const auto url = parse_url("jsonl:" + (elsewhere / "rows"), {}).value();
  Spool spool(folder_.path(), url.describe());
  ASSERT_TRUE(spool.add(to_rows(sample_run()).view()));
  ASSERT_TRUE(spool.add(to_rows(sample_run_id, sample_points()).view()));
  ASSERT_TRUE(spool.add(to_rows(sample_run_id, sample_rollups()).view()));
  ASSERT_TRUE(spool.add(probe_batch(sample_probes(0, 2500))));
  spool.close();
  EXPECT_EQ(spooled_rows(url, folder_.path()).value(), 2506U);
  EXPECT_EQ(flush_spool(url, {}, folder_.path()).value(), 2506U);
  EXPECT_EQ(flush_spool(url, {}, folder_.path()).value(), 0U);
  EXPECT_FALSE(std::filesystem::exists(spool.path()));

  const auto store = open_store(url, {.read_only = true}).value();
  EXPECT_EQ(store->find_run("last").value(), sample_run());
  EXPECT_EQ(store->load_points(sample_run_id).value(), sample_points());
  EXPECT_EQ(store->load_rollups(sample_run_id).value(), sample_rollups());
  EXPECT_EQ(read_probes(*store).size(), 2500U);
}

TEST(Spool, ARowThatChangedSinceItWasReadStays) {
  const TempFolder folder;
  Spool spool(folder.path(), "x");
  auto run = sample_run();
  ASSERT_TRUE(spool.add(to_rows(run).view()));
  const auto sent = spool.read_some().value();
  run.sent = 99;
  ASSERT_TRUE(spool.add(to_rows(run).view()));
  ASSERT_TRUE(spool.erase(sent.view()));
  EXPECT_EQ(spool.waiting().value(), 1U);
  EXPECT_EQ(run_from(spool.read_some().value().view().cells).value().sent, 99U);
}

TEST(Spool, AnEmptyFileInUseByAnotherIsNotUnlinked) {
  const TempFolder folder;
  Spool mine(folder.path(), "x");
  Spool other(folder.path(), "x");
  ASSERT_TRUE(mine.add(to_rows(sample_run()).view()));
  ASSERT_EQ(other.waiting().value(), 1U);
  ASSERT_TRUE(mine.erase(mine.read_some().value().view()));
  mine.close();
  EXPECT_TRUE(std::filesystem::exists(mine.path()));
  ASSERT_TRUE(other.add(to_rows(sample_run()).view()));
  other.close();
  EXPECT_EQ(Spool(folder.path(), "x").waiting().value(), 1U);
}

}  // namespace
}  // namespace netobs::store
