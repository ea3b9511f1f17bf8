// A batch of probes into each store, through the code that a run uses. Each batch is of another
// run, so that rows are added and none is replaced.

#include <fmt/format.h>

#include <array>
#include <filesystem>
#include <memory>

#include "micro/micro.hpp"
#include "probe_rows.hpp"
#include "store/mariadb_server.hpp"
#include "store/open.hpp"

namespace netobs::micro {
namespace {

constexpr std::uint64_t rows_per_batch = 4096;  // what the writer uses
constexpr std::int64_t first_run_id = 0x7f3a'0000'0000'0001;

/// A folder that goes with the object.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = std::filesystem::temp_directory_path() / "netobs-micro-XXXXXX";
    if (::mkdtemp(pattern.data()) != nullptr) path_ = pattern;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// The rows keep their place and get the number of another run.
void move_to_run(store::Batch& batch, std::int64_t run_id) {
  for (std::size_t cell = 0; cell < batch.cells.size(); cell += store::probe_column_count) {
    batch.cells[cell].integer = run_id;
  }
}

void write_batches(benchmark::State& state, const std::string& url) {
  const auto parsed = store::parse_url(url, {});
  if (!parsed) return state.SkipWithError(parsed.error().message().c_str());
  auto opened = store::open_store(*parsed, {});
  if (!opened) return state.SkipWithError(opened.error().message().c_str());
  auto batch = bench::make_batch(first_run_id, 0, rows_per_batch);
  // The first batch prepares statements and grows files.
  if (const auto done = (*opened)->write(batch); !done) {
    return state.SkipWithError(done.error().message().c_str());
  }
  std::int64_t run_id = first_run_id + 1;
  for ([[maybe_unused]] auto _ : state) {
    state.PauseTiming();
    move_to_run(batch, run_id++);
    state.ResumeTiming();
    if (const auto done = (*opened)->write(batch); !done) {
      state.SkipWithError(done.error().message().c_str());
      break;
    }
  }
  count_items(state, rows_per_batch);
}

void into_file(benchmark::State& state, std::string_view scheme) {
  const TemporaryFolder folder;
  if (folder.path().empty()) return state.SkipWithError("no temporary folder");
  write_batches(state, fmt::format("{}:{}/rows", scheme, folder.path()));
}

/// Starts when it is first asked for, and stays for all repetitions.
class LazyServer {
 public:
  [[nodiscard]] store::MariadbServer* get() {
    if (!server_) server_ = store::MariadbServer::make({"--skip-networking"});
    return server_.get();
  }
  /// A database per call: what was written before is in nobody's way.
  [[nodiscard]] std::string next_database() { return fmt::format("bench_{}", ++databases_); }

 private:
  std::unique_ptr<store::MariadbServer> server_;
  unsigned databases_ = 0;
};

void into_mysql(benchmark::State& state, LazyServer& lazy) {
  if (const auto missing = store::MariadbServer::missing(); !missing.empty()) {
    return state.SkipWithError(missing.c_str());
  }
  auto* server = lazy.get();
  if (server == nullptr) return state.SkipWithError("the MariaDB server did not start");
  write_batches(state, server->url(lazy.next_database()));
}

void register_store() {
  const auto add = [](const char* name, const auto& run) {
    benchmark::RegisterBenchmark(name, run)->Unit(benchmark::kMillisecond)->UseRealTime();
  };
  for (const std::string_view scheme : {"sqlite", "jsonl"}) {
    add(fmt::format("store/{}", scheme).c_str(),
        [scheme](benchmark::State& state) { into_file(state, scheme); });
  }
  add("store/mysql", [server = std::make_shared<LazyServer>()](benchmark::State& state) {
    into_mysql(state, *server);
  });
}

}  // namespace

std::span<const RegisterFunction> registrations() {
  static constexpr std::array<RegisterFunction, 1> table{register_store};
  return table;
}

}  // namespace netobs::micro
