#ifdef NETOBS_HAVE_MYSQL
#include "store/mysql_upgrade.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "store/schema.hpp"

namespace netobs::store {
namespace {

class Upgrade {
 public:
  Upgrade(sql::Connection& connection, const StoreUrl& url)
      : connection_(connection), what_(fmt::format("upgrade the tables of {}", url.describe())) {}

  Result<void> run(std::chrono::seconds io_timeout) {
    // ALTER waits until nobody uses the table, by default for hours, and whoever comes later waits
    // behind it. Rather fail before our own read timeout: the writer tries again.
    const auto wait_s = std::max<std::int64_t>(1, io_timeout.count() / 2);
    NETOBS_TRY_VOID(execute(fmt::format("SET SESSION lock_wait_timeout={}", wait_s)));
    for (const Table* table : all_tables()) NETOBS_TRY_VOID(add_columns(*table));
    // Last, so that a version row means that all columns are there.
    NETOBS_TRY_VOID(execute(raise_version_sql()));
    return execute("SET SESSION lock_wait_timeout=DEFAULT");
  }

 private:
  /// To the slower of two processes the server says that a column is already there; then a second
  /// look decides.
  Result<void> add_columns(const Table& table) {
    NETOBS_TRY(step, next_step(table));
    while (!step.empty()) {
      auto done = execute(step);
      if (done) return {};
      NETOBS_TRY(rest, next_step(table));
      if (rest.size() >= step.size()) return done;
      step = std::move(rest);
    }
    return {};
  }

  /// The statement that adds what is missing; empty when nothing is, or when there is no such
  /// table.
  Result<std::string> next_step(const Table& table) {
    return mysql_guard(what_, [&]() -> Result<std::string> {
      const std::unique_ptr<sql::Statement> statement(connection_.createStatement());
      const std::unique_ptr<sql::ResultSet> result(statement->executeQuery(
          fmt::format("SELECT column_name FROM information_schema.columns WHERE "
                      "table_schema=DATABASE() AND table_name='{}'",
                      table.name)));
      std::vector<std::string> present;
      while (result->next()) {
        const sql::SQLString column = result->getString(1);
        present.emplace_back(column.c_str(), column.length());
      }
      if (present.empty()) return std::string();
      const auto steps = add_columns_sql(table, present, Dialect::mysql);
      return steps.empty() ? std::string() : steps.front();
    });
  }

  Result<void> execute(const std::string& sql) {
    return mysql_guard(what_, [&]() -> Result<void> {
      const std::unique_ptr<sql::Statement> statement(connection_.createStatement());
      statement->executeUpdate(sql);
      return {};
    });
  }

  sql::Connection& connection_;
  std::string what_;
};

}  // namespace

Result<void> mysql_upgrade(sql::Connection& connection, const StoreUrl& url,
                           std::chrono::seconds io_timeout) {
  return Upgrade(connection, url).run(io_timeout);
}

}  // namespace netobs::store
#endif  // NETOBS_HAVE_MYSQL
