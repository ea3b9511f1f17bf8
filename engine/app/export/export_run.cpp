#include "app/export/export_run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "app/export/export_hdr.hpp"
#include "core/report/format.hpp"
#include "store/csv_line.hpp"
#include "store/jsonl_line.hpp"
#include "store/schema.hpp"

namespace netobs::app {
namespace {

/// One row of the table `probes` as a line.
using AppendRow = void (*)(std::string& out, const store::Table& table, const store::Cell* row);

Error nothing_left(const store::RunRow& run) {
  return {.what = fmt::format("export the probes of run {}", store::run_id_text(run.run_id)),
          .cause =
              "The store has none of their rows: they have expired (netobs db prune), wait in "
              "the spool (netobs db flush), or no probe was sent.",
          .remedy = "--format hdr needs no rows of probes."};
}

Result<ExportOutcome> export_probes(store::Store& store, const store::RunRow& run, std::string text,
                                    AppendRow append, const ExportSink& sink) {
  const auto& table = store::probes_table();
  std::vector<store::Cell> cells;
  NETOBS_TRY(count, store.scan_probes(run.run_id,
                                      [&](std::span<const ProbeRecord> records) -> Result<void> {
                                        for (const auto& record : records) {
                                          cells.clear();
                                          store::append_probe(cells, run.run_id, record);
                                          append(text, table, cells.data());
                                        }
                                        NETOBS_TRY_VOID(sink(text));
                                        text.clear();
                                        return {};
                                      }));
  if (count == 0) return fail(nothing_left(run));
  ExportOutcome outcome;
  outcome.count = count;
  if (run.finished_at_ns && count < run.sent) {
    outcome.notes.push_back(fmt::format(
        "{} of the {} probes that were sent: the other rows have expired or wait in the spool",
        report::grouped(count), report::grouped(run.sent)));
  }
  return outcome;
}

Result<ExportOutcome> export_csv(store::Store& store, const store::RunRow& run,
                                 const ExportSink& sink) {
  std::string head;
  store::append_csv_head(head, store::probes_table());
  return export_probes(store, run, std::move(head), store::append_csv_row, sink);
}

Result<ExportOutcome> export_jsonl(store::Store& store, const store::RunRow& run,
                                   const ExportSink& sink) {
  return export_probes(store, run, {}, store::append_line, sink);
}

constexpr std::array<ExportFormat, 3> formats{{
    {"csv", "probe", "a line per probe, every point's time of both hosts in ns; a head line",
     export_csv},
    {"jsonl", "probe", "the same as a JSON object per line, as the jsonl store writes it",
     export_jsonl},
    {"hdr", "interval", "HdrHistogram log: a line per second and metric, the metric as its tag",
     export_hdr},
}};

}  // namespace

std::span<const ExportFormat> export_format_table() {
  return formats;
}

const ExportFormat* find_export_format(std::string_view name) {
  const auto* found = std::ranges::find(formats, name, &ExportFormat::name);
  return found == formats.end() ? nullptr : found;
}

Result<ExportOutcome> export_run(store::Store& store, std::string_view which,
                                 const ExportFormat& format, const ExportSink& sink) {
  NETOBS_TRY(run, store.find_run(which));
  NETOBS_TRY(outcome, format.write(store, run, sink));
  outcome.run_id = store::run_id_text(run.run_id);
  if (!run.finished_at_ns) {
    outcome.notes.emplace_back(
        "the run is unfinished: it is still going on, or its process was killed");
  }
  return outcome;
}

}  // namespace netobs::app
