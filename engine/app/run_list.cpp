#include "app/run_list.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "core/report/clean_text.hpp"
#include "core/report/run_document.hpp"

namespace netobs::app {

std::string runs_text(std::span<const store::RunRow> runs) {
  if (runs.empty()) return "no runs yet: `sudo netobs demo` makes one\n";
  std::string page = fmt::format("{:<17}{:<20}{:>10}{:>9}  {}\n", "run", "started (UTC)", "sent",
                                 "lost", "target, transport, schedule");
  for (const auto& run : runs) {
    const auto started = report::utc_text(run.started_at_ns).substr(0, 19);
    page += fmt::format("{:<17}{:<20}{:>10}{:>9}  {}, {}, {}{}\n", store::run_id_text(run.run_id),
                        started, run.sent, run.lost, report::clean_text(run.target),
                        report::clean_text(run.transport), report::clean_text(run.schedule),
                        run.finished_at_ns ? "" : " (unfinished)");
  }
  return page;
}

std::string runs_json(std::span<const store::RunRow> runs) {
  nlohmann::ordered_json document;
  document["schema"] = "netobs.runs/1";
  auto& rows = document["runs"] = nlohmann::ordered_json::array();
  for (const auto& run : runs) {
    rows.push_back({{"id", store::run_id_text(run.run_id)},
                    {"started_at", report::utc_text(run.started_at_ns)},
                    {"finished", run.finished_at_ns.has_value()},
                    {"target", report::clean_text(run.target)},
                    {"transport", report::clean_text(run.transport)},
                    {"schedule", report::clean_text(run.schedule)},
                    {"sent", run.sent},
                    {"received", run.received},
                    {"lost", run.lost}});
  }
  return document.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace netobs::app
