#include "app/replay/replay_runs.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/report/format.hpp"

namespace netobs::app {
namespace {

/// Statistics of a session take a few megabytes.
constexpr std::size_t most_sessions = 256;

std::string target_of(const capture::SessionIdentity& session, capture::Match match) {
  return match == capture::Match::icmp ? session.reflector.address_text()
                                       : session.reflector.text();
}

std::string schedule_of(const capture::ReplaySession& session) {
  const auto gaps = session.counters().requests - 1;
  if (session.counters().requests < 2) return "as captured";
  const auto mean =
      static_cast<double>(session.last_ns() - session.first_ns()) / static_cast<double>(gaps);
  return fmt::format("every {} on average", report::duration_text(mean));
}

std::vector<report::LayerAbsence> absent_layers(const stats::RunPlan& plan) {
  std::vector<report::LayerAbsence> absent;
  for (const auto& row : layer_table) {
    const auto on = (stats::active_points(plan, Host::sender) & points_of(row.layer)) != PointSet{};
    const bool whole = row.layer == Layer::pcap;
    if (on && whole) continue;
    absent.push_back({std::string(row.name), "the capture of a link does not show it"});
  }
  return absent;
}

}  // namespace

bool ReplayRuns::admits(const capture::SessionIdentity& session) {
  const auto id = store::make_run_id();
  if (runs_.size() >= most_sessions || !id) {
    ++refused_;
    return false;
  }
  runs_[session.index] = {*id, 0};
  return true;
}

void ReplayRuns::on_records(const capture::SessionIdentity& session,
                            std::span<const ProbeRecord> records) {
  if (!keeps()) return;
  auto& run = runs_[session.index];
  run.records += records.size();
  stores_.add_probes(records, run.id);
}

void ReplayRuns::on_rollups(const capture::SessionIdentity& session,
                            std::vector<stats::Rollup> rollups,
                            std::vector<stats::IntervalCounts> counts) {
  if (!keeps()) return;
  const auto id = runs_[session.index].id;
  stores_.add_rollups(rollups, id);
  stores_.add_counts(counts, id);
}

report::RunDocument ReplayRuns::describe(const capture::ReplaySession& session, const Run& run,
                                         const std::string& capture_text) const {
  const auto& statistics = *session.statistics();
  const auto& plan = session.plan();
  report::RunDocument document;
  auto& info = document.run;
  info.id = store::run_id_text(run.id);
  info.target = target_of(session.identity(), session.match());
  info.link = capture_text;
  info.transport = "capture";
  info.schedule = schedule_of(session);
  info.started_ns = session.first_ns();
  info.started_at = report::utc_text(info.started_ns);
  info.duration_ns = session.last_ns() - session.first_ns();
  info.count = session.counters().requests;
  info.size_bytes = session.payload_size();
  info.layers = name(Layer::pcap);
  info.command_line = config_.command_line;
  document.environment = {{"sender", session.identity().sender.text()},
                          {"session", std::string(capture::name(session.match()))}};
  if (const auto ssid = session.identity().ssid) {
    document.environment.push_back({"ssid", std::int64_t{*ssid}});
  }
  document.absent_layers = absent_layers(plan.plan);
  document.interval_ns = plan.interval_ns;
  document.path = plan.path();
  document.probes = statistics.probes();
  document.probes.duplicate += session.correlator_counters()->late_duplicates;
  document.jitter = statistics.jitter();
  document.violations = statistics.violations();
  document.blocks = statistics.blocks();
  document.notes = capture::notes_of(session.counters());
  const auto& correlator = *session.correlator_counters();
  const auto note = [&](std::uint64_t count, const char* text) {
    if (count > 0) document.notes.push_back(fmt::format("{} {}", count, text));
  };
  note(correlator.forced_closes, "records were closed early: too many probes were under way");
  note(correlator.late_replies, "replies came after their record was closed");
  note(correlator.reflector_clock_steps, "times the reflector's CLOCK_REALTIME was set");
  note(session.bad_reports(), "reports of the reflector could not be read");
  return document;
}

std::vector<capture::SessionReport> ReplayRuns::finish(const capture::Matcher& matcher,
                                                       const std::string& capture_text) {
  std::vector<capture::SessionReport> reports;
  for (const auto& session : matcher.sessions()) {
    const auto* statistics = session->statistics();
    const auto found = runs_.find(session->identity().index);
    if (statistics == nullptr || found == runs_.end()) continue;
    const auto& run = found->second;
    auto document = describe(*session, run, capture_text);
    const auto totals = statistics->totals();
    if (keeps()) {
      stores_.add_ledger(statistics->ledger(), run.id);
      stores_.add_metrics(statistics->path(), totals, run.id);
      document.store = stores_.settle();
      for (auto& status : document.store) {
        // The store counts the rows of all sessions together.
        const bool complete = status.rows_spilled == 0 && status.rows_lost == 0;
        if (complete) status.rows_written = run.records;
      }
      for (auto& message : stores_.errors()) document.notes.push_back(std::move(message));
      stores_.write_run(document, run.id, true);
    }
    reports.push_back({session->identity(), session->match(), session->counters(),
                       report::assemble(document, statistics->ledger(), totals)});
  }
  return reports;
}

}  // namespace netobs::app
