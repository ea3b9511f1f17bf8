// Rows per second into the stores, as JSON on stdout: SQLite (goal: 300,000), and MySQL against
// LOAD DATA LOCAL of the same rows into the same server, in alternating rounds (goal: ratio >=
// 0.7). The server is a MariaDB on a private folder that the program starts itself.
//
//   store_bench [rows [rounds]]

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fstream>

#include "probe_rows.hpp"
#include "store/mariadb_server.hpp"
#include "store/open.hpp"

namespace {

using namespace netobs;
using namespace netobs::store;
using Clock = std::chrono::steady_clock;

constexpr std::size_t rows_per_batch = 4096;  // what the writer uses
constexpr std::int64_t run_id = 0x7f3a'0000'0000'0001;

[[noreturn]] void stop(const std::string& why) {
  fmt::print(stderr, "store_bench: {}\n", why);
  std::exit(1);
}

double insert_rate(Store& store, std::uint64_t rows) {
  const auto begin = Clock::now();
  for (std::uint64_t first = 0; first < rows; first += rows_per_batch) {
    const auto batch =
        bench::make_batch(run_id, first, std::min<std::uint64_t>(first + rows_per_batch, rows));
    if (const auto done = store.write(batch); !done) stop(done.error().message());
  }
  return static_cast<double>(rows) / std::chrono::duration<double>(Clock::now() - begin).count();
}

std::unique_ptr<Store> open(const std::string& url) {
  auto store = open_store(parse_url(url, {}).value(), {});
  if (!store) stop(store.error().message());
  return std::move(*store);
}

void write_load_file(const std::string& path, std::uint64_t rows) {
  std::ofstream file(path);
  std::string line;
  for (std::uint64_t i = 0; i < rows; ++i) {
    line.clear();
    for (const Cell& cell : bench::make_batch(run_id, i, i + 1).cells) {
      if (!line.empty()) line += '\t';
      line += cell.kind == Cell::Kind::null ? "\\N" : fmt::format("{}", cell.integer);
    }
    file << line << '\n';
  }
}

/// The command line client does the loading, so that nothing of ours is on that side.
void client(const MariadbServer& server, const std::string& sql) {
  const auto command =
      fmt::format("mariadb --no-defaults --local-infile=1 -uroot --socket={} bench -e \"{}\"",
                  server.socket(), sql);
  if (std::system(command.c_str()) != 0) stop("failed: " + command);
}

double load_rate(const MariadbServer& server, const std::string& path, std::uint64_t rows) {
  const auto begin = Clock::now();
  client(server, fmt::format("LOAD DATA LOCAL INFILE '{}' INTO TABLE probes", path));
  return static_cast<double>(rows) / std::chrono::duration<double>(Clock::now() - begin).count();
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

double bench_sqlite(const std::string& folder, std::uint64_t rows, int rounds) {
  std::vector<double> rates;
  for (int round = 0; round < rounds; ++round) {
    const auto path = fmt::format("{}/bench-{}.db", folder, round);
    rates.push_back(insert_rate(*open(path), rows));
    std::filesystem::remove(path);
  }
  return median(rates);
}

std::string bench_mysql(const std::string& folder, std::uint64_t rows, int rounds) {
  if (const auto missing = MariadbServer::missing(); !missing.empty()) {
    return fmt::format("{{\"skipped\": \"{}\"}}", missing);
  }
  const auto server = MariadbServer::make({"--skip-networking", "--innodb-buffer-pool-size=512M"});
  if (!server) stop("the MariaDB server did not start");
  const auto path = folder + "/rows.tsv";
  write_load_file(path, rows);
  std::vector<double> inserts;
  std::vector<double> loads;
  for (int round = 0; round < rounds; ++round) {
    const auto store = open(server->url("bench"));
    client(*server, "TRUNCATE TABLE probes");
    inserts.push_back(insert_rate(*store, rows));
    client(*server, "TRUNCATE TABLE probes");
    loads.push_back(load_rate(*server, path, rows));
  }
  const double ratio = median(inserts) / median(loads);
  return fmt::format(
      "{{\"insert_rows_per_s\": {:.0f}, \"load_data_local_rows_per_s\": {:.0f}, \"ratio\": "
      "{:.2f}}}",
      median(inserts), median(loads), ratio);
}

}  // namespace

int main(int argc, char** argv) {
  const std::uint64_t rows = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 200'000;
  const int rounds = argc > 2 ? std::atoi(argv[2]) : 5;
  if (rows == 0 || rounds <= 0) stop("usage: store_bench [rows [rounds]]");
  std::string folder = std::filesystem::temp_directory_path() / "netobs-bench-XXXXXX";
  if (::mkdtemp(folder.data()) == nullptr) stop("cannot make a temporary folder");
  const double sqlite = bench_sqlite(folder, rows, rounds);
  const auto mysql = bench_mysql(folder, rows, rounds);
  std::filesystem::remove_all(folder);
  fmt::print(
      "{{\"rows\": {}, \"rounds\": {}, \"sqlite\": {{\"rows_per_s\": {:.0f}}}, \"mysql\": {}}}\n",
      rows, rounds, sqlite, mysql);
  return 0;
}
