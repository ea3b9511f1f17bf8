#include "store/prune.hpp"

#include <sqlite3.h>

#include <cerrno>

#include "prune_contract.hpp"
#include "store/open.hpp"

namespace netobs::store {
namespace {

using testing::HasSubstr;

std::unique_ptr<Store> open_at(const std::string& url, OpenOptions options = {}) {
  auto opened = open_store(parse_url(url, {}).value(), options);
  EXPECT_TRUE(opened) << opened.error().message();
  return opened ? std::move(*opened) : nullptr;
}

class Prune : public testing::Test {
 protected:
  TempFolder folder_;
  std::string path_ = folder_ / "store.db";
};

TEST_F(Prune, RemovesWhatIsOlderAndNothingElse) {
  check_prune(*open_at(path_));
}
TEST_F(Prune, GoesOnWhereItWasInterrupted) {
  check_interrupted_prune(*open_at(path_));
}
TEST_F(Prune, AClockSetBackCostsNoYoungRow) {
  check_prune_with_a_clock_set_back(*open_at(path_));
}

TEST_F(Prune, AnEmptyStoreHasNothingToRemove) {
  EXPECT_EQ(prune(*open_at(path_)).batches, 0U);
}

TEST_F(Prune, ADryRunWritesNothing) {
  {
    const auto store = open_at(path_);
    write_runs_to_prune(*store);
  }
  EXPECT_EQ(prune(*open_at(path_, {.read_only = true}), true).rows, 156U);
  PruneOptions options;
  options.before_ns = prune_before_ns;
  const auto refused =
      prune_probes(*open_at(path_, {.read_only = true}), options, [](const auto&) { return true; });
  EXPECT_FALSE(refused) << "a store that was opened for reading let rows go";
}

TEST_F(Prune, AnotherProcessThatWritesIsATransientError) {
  const auto store = open_at(path_, {.lock_timeout = std::chrono::milliseconds(0)});
  write_runs_to_prune(*store);
  sqlite3* other = nullptr;
  ASSERT_EQ(sqlite3_open(path_.c_str(), &other), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(other, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr), SQLITE_OK);
  PruneOptions options;
  options.before_ns = prune_before_ns;
  const auto outcome = prune_probes(*store, options, [](const auto&) { return true; });
  ASSERT_FALSE(outcome);
  EXPECT_TRUE(is_transient(outcome.error())) << outcome.error().message();
  sqlite3_close(other);
  EXPECT_EQ(prune(*store).rows, 156U);
}

TEST_F(Prune, AHostileKeyIsAnError) {
  const auto store = open_at(path_);
  write_runs_to_prune(*store);
  sqlite3* other = nullptr;
  ASSERT_EQ(sqlite3_open(path_.c_str(), &other), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(other, "UPDATE probes SET sequence='x' WHERE run_id=10 AND sequence=0",
                         nullptr, nullptr, nullptr),
            SQLITE_OK);
  sqlite3_close(other);
  PruneOptions options;
  options.before_ns = prune_before_ns;
  const auto outcome = prune_probes(*store, options, [](const auto&) { return true; });
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().sys_errno, EBADMSG) << outcome.error().message();
}

TEST_F(Prune, JsonLinesAreRefusedWithARemedy) {
  const auto store = open_at("jsonl:" + (folder_ / "rows"));
  const auto outcome = prune_probes(*store, {}, [](const auto&) { return true; });
  ASSERT_FALSE(outcome);
  EXPECT_THAT(outcome.error().message(), HasSubstr("only ever added to"));
  EXPECT_THAT(outcome.error().message(), HasSubstr("SQLite or MySQL"));
}

}  // namespace
}  // namespace netobs::store
