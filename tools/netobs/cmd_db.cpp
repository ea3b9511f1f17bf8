#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "app/store_set.hpp"
#include "cmd_db_prune.hpp"
#include "command.hpp"
#include "run_options.hpp"
#include "store/schema.hpp"
#include "store/status.hpp"

namespace netobs::cli {
namespace {

constexpr const char* footer =
    "\nThe password of a MySQL store comes from NETOBS_MYSQL_PASSWORD, or from an option file:\n"
    "mysql://user@host/network_performance?option_file=my.cnf";

struct DbOptions {
  std::string store = default_store();
  bool json = false;
};

Result<store::StoreUrl> address(const DbOptions& options) {
  return store::parse_url(options.store, app::store_environment());
}

int finish(const Result<std::string>& text) {
  if (!text) return report_error(text.error());
  fmt::print("{}", *text);
  return static_cast<int>(ExitCode::ok);
}

Result<std::string> init(const DbOptions& options) {
  NETOBS_TRY(url, address(options));
  NETOBS_TRY_VOID(store::init_store(url, {}));
  return fmt::format("{} is ready\n", url.describe());
}

std::string status_text(const store::StoreStatus& state) {
  std::string page = fmt::format("{}   schema {}", state.description, state.schema_version);
  if (state.schema_version < store::schema_version) {
    page += fmt::format(" (the next run, or netobs db init, makes it {})", store::schema_version);
  }
  page += '\n';
  for (const auto& table : state.tables)
    page += fmt::format("{:<16}{:>14} rows\n", table.table, table.rows);
  if (state.size_bytes) {
    page += fmt::format("{:<16}{:>14.1f} MiB\n", "on disk",
                        static_cast<double>(*state.size_bytes) / 1048576.0);
  }
  page += fmt::format("{:<16}{:>14} rows{}\n", "spooled", state.spooled_rows,
                      state.spooled_rows > 0 ? "   (netobs db flush sends them)" : "");
  return page;
}

std::string status_json(const store::StoreStatus& state) {
  nlohmann::ordered_json document;
  document["schema"] = "netobs.db/1";
  document["store"] = state.description;
  document["schema_version"] = state.schema_version;
  auto& tables = document["tables"] = nlohmann::ordered_json::object();
  for (const auto& table : state.tables) tables[std::string(table.table)] = table.rows;
  document["size_bytes"] = nullptr;
  if (state.size_bytes) document["size_bytes"] = *state.size_bytes;
  document["spooled_rows"] = state.spooled_rows;
  return document.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

Result<std::string> status(const DbOptions& options) {
  NETOBS_TRY(url, address(options));
  NETOBS_TRY(state, store::status_of_store(url, {}, default_spool_directory()));
  return options.json ? status_json(state) : status_text(state);
}

Result<std::string> flush(const DbOptions& options) {
  NETOBS_TRY(url, address(options));
  NETOBS_TRY(sent, store::flush_spool(url, {}, default_spool_directory()));
  return fmt::format("{} rows sent to {}\n", sent, url.describe());
}

}  // namespace

Run add_db(CLI::App& command) {
  auto options = std::make_shared<DbOptions>();
  auto action = std::make_shared<Run>();
  const auto add = [&](const char* name, const char* help,
                       Result<std::string> (*run)(const DbOptions&)) {
    auto* sub = command.add_subcommand(name, help);
    sub->add_option("STORE", options->store, "netobs.db, mysql://user@host:port/database, ...")
        ->capture_default_str();
    sub->callback(
        [action, options, run] { *action = [options, run] { return finish(run(*options)); }; });
    return sub;
  };
  add("init", "Create what is missing of the schema", init);
  add("status", "What the store holds, and what waits in the spool for it", status)
      ->add_flag("--json", options->json, "As JSON");
  add("flush", "Send what waits in the spool", flush);
  auto* prune =
      command.add_subcommand("prune", "Remove raw probe rows that are older than a limit");
  prune->callback([action, run = add_db_prune(*prune)] { *action = run; });
  command.require_subcommand(1);
  command.footer(footer);
  return [action] { return (*action)(); };
}

}  // namespace netobs::cli
