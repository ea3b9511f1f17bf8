#include "app/export/export_hdr.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <map>
#include <memory>

#include "core/report/format.hpp"
#include "core/report/hdr_log.hpp"
#include "core/report/run_document.hpp"
#include "store/schema.hpp"

namespace netobs::app {
namespace {

/// Lines in an order of their own. A store yields roll-ups metric by metric, a log goes by time,
/// and a long run's lines are too many for the memory: they wait in an unnamed file.
class LineSorter {
 public:
  static Result<LineSorter> make() {
    LineSorter sorter(std::tmpfile());
    if (!sorter.file_) return fail(broken("make a file to sort in"));
    return sorter;
  }

  Result<void> add(std::int64_t key, std::string_view line) {
    if (std::fwrite(line.data(), 1, line.size(), file_.get()) != line.size()) {
      return fail(broken("write the file to sort in"));
    }
    lines_.push_back({key, end_, line.size()});
    end_ += static_cast<long>(line.size());
    return {};
  }

  /// By rising key; lines with the same key in the order of their adding.
  Result<void> drain(const ExportSink& sink) {
    std::ranges::stable_sort(lines_, {}, &Line::key);
    std::string text;
    for (const auto& line : lines_) {
      text.resize(line.size);
      if (std::fseek(file_.get(), line.start, SEEK_SET) != 0 ||
          std::fread(text.data(), 1, text.size(), file_.get()) != text.size()) {
        return fail(broken("read the file to sort in"));
      }
      NETOBS_TRY_VOID(sink(text));
    }
    return {};
  }

 private:
  struct Line {
    std::int64_t key = 0;
    long start = 0;
    std::size_t size = 0;
  };
  struct Close {
    void operator()(std::FILE* file) const { (void)std::fclose(file); }
  };

  explicit LineSorter(std::FILE* file) : file_(file) {}
  static Error broken(std::string what) {
    return {
        .what = std::move(what), .sys_errno = errno, .cause = "", .remedy = "Make room in /tmp."};
  }

  std::unique_ptr<std::FILE, Close> file_;
  std::vector<Line> lines_;
  long end_ = 0;
};

/// Values of one metric, and how many of them an HdrHistogram cannot hold.
struct Omission {
  std::uint64_t left_out = 0;
  std::uint64_t of = 0;
};

class HdrExport {
 public:
  HdrExport(const report::RunDocument& run, LineSorter& lines)
      : interval_ns_(run.interval_ns), lines_(lines), first_start_ns_(run.run.started_ns) {}

  Result<void> add(const store::Batch& batch) {
    const std::size_t width = batch.table->columns.size();
    for (std::size_t i = 0; i < batch.cells.size(); i += width) {
      NETOBS_TRY(rollup, store::rollup_from(std::span(batch.cells).subspan(i, width)));
      NETOBS_TRY_VOID(add(rollup));
    }
    return {};
  }

  [[nodiscard]] std::uint64_t count() const { return count_; }
  /// Not later than any interval: readers pass over lines before the start of their log.
  [[nodiscard]] std::int64_t start_ns() const { return first_start_ns_; }
  /// Metrics that lack values; empty when none does.
  [[nodiscard]] std::string omissions() const {
    std::string text;
    for (const auto& [metric, omission] : omissions_) {
      if (omission.left_out == 0) continue;
      text += fmt::format("{}{} {} of {}", text.empty() ? "" : ", ", metric,
                          report::grouped(omission.left_out), report::grouped(omission.of));
    }
    if (text.empty()) return text;
    return "left out, because an HdrHistogram holds no negative values: " + text;
  }

 private:
  Result<void> add(const store::RollupRow& rollup) {
    NETOBS_TRY(distribution, stats::Distribution::parse(rollup.distribution));
    std::string line;
    const auto left_out = report::append_hdr_interval(
        line, {rollup.metric, rollup.interval_start_ns, interval_ns_}, distribution);
    auto& omission = omissions_[rollup.metric];
    omission.left_out += left_out;
    omission.of += distribution.count();
    if (line.empty()) return {};
    ++count_;
    first_start_ns_ = std::min(first_start_ns_, rollup.interval_start_ns);
    return lines_.add(rollup.interval_start_ns, line);
  }

  std::int64_t interval_ns_;
  LineSorter& lines_;
  std::map<std::string, Omission> omissions_;
  std::uint64_t count_ = 0;
  std::int64_t first_start_ns_;
};

}  // namespace

Result<ExportOutcome> export_hdr(store::Store& store, const store::RunRow& run,
                                 const ExportSink& sink) {
  NETOBS_TRY(document, report::from_json(run.document));
  NETOBS_TRY(lines, LineSorter::make());
  HdrExport log(document, lines);
  NETOBS_TRY_VOID(store.scan(store::rollups_table(), run.run_id,
                             [&](const store::Batch& batch) { return log.add(batch); }));
  if (log.count() == 0) {
    return fail({.what = fmt::format("export run {}", store::run_id_text(run.run_id)),
                 .cause = "The store has no roll-ups of it: no probe was answered, or they wait in "
                          "the spool.",
                 .remedy = "netobs db flush sends what waits in the spool."});
  }
  ExportOutcome outcome;
  outcome.count = log.count();
  std::string head = report::hdr_log_comment(
      fmt::format("netobs run {} to {}; values are nanoseconds, Interval_Max is in milliseconds",
                  store::run_id_text(run.run_id), run.target));
  if (auto omissions = log.omissions(); !omissions.empty()) {
    head += report::hdr_log_comment(omissions);
    outcome.notes.push_back(std::move(omissions));
  }
  NETOBS_TRY_VOID(sink(head + report::hdr_log_head(log.start_ns())));
  NETOBS_TRY_VOID(lines.drain(sink));
  return outcome;
}

}  // namespace netobs::app
