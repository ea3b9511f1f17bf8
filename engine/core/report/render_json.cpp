#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/report/renderer.hpp"
#include "core/stats/metric_list.hpp"

namespace netobs::report {
namespace {

using Json = nlohmann::ordered_json;

template <class T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

Json figures_json(const std::optional<Figures>& figures) {
  if (!figures) return nullptr;
  Json json{{"count", figures->count}, {"min", figures->min}, {"mean", figures->mean}};
  Json confidence = Json::object();
  for (std::size_t i = 0; i < stats::quantile_table.size(); ++i) {
    const std::string key(stats::quantile_table[i].key);
    json[key] = or_null(figures->quantile[i]);
    const auto& interval = figures->confidence[i];
    confidence[key] = interval ? Json::array({interval->low, interval->high}) : Json(nullptr);
  }
  json["max"] = figures->max;
  json["stddev"] = figures->stddev;
  json["confidence_95"] = std::move(confidence);
  return json;
}

Json slot_json(std::size_t slot_index) {
  return {{"host", netobs::name(slot_host(slot_index))},
          {"point", netobs::name(slot_point(slot_index))}};
}

Json run_json(const RunDocument& document) {
  const RunInfo& run = document.run;
  return {{"id", run.id},
          {"target", run.target},
          {"link", run.link},
          {"virtual_link", run.virtual_link},
          {"transport", run.transport},
          {"schedule", run.schedule},
          {"started_at", run.started_at},
          {"started_ns", run.started_ns},
          {"duration_ns", run.duration_ns},
          {"count", run.count},
          {"size_bytes", run.size_bytes},
          {"layers", run.layers},
          {"wait", run.wait},
          {"reflector_wait", run.reflector_wait},
          {"cpu", run.cpu},
          {"command_line", run.command_line}};
}

Json environment_json(const RunDocument& document) {
  Json json = Json::object();
  for (const EnvironmentEntry& entry : document.environment) {
    json[entry.key] = std::visit([](const auto& value) { return Json(value); }, entry.value);
  }
  json["warnings"] = document.warnings;
  return json;
}

Json nic_clocks_json(const RunDocument& document) {
  Json clocks = Json::object();
  for (const NicClockInfo& nic : document.nic_clocks) {
    const bool read = nic.looks != 0;
    const auto if_read = [&](auto value) { return read ? Json(value) : Json(nullptr); };
    clocks[nic.host] = {{"converted", nic.converted},
                        {"bound_ns", nic.converted ? Json(nic.bound_ns) : Json(nullptr)},
                        {"clock", nic.clock},
                        {"method", nic.method},
                        {"time_scale", nic.time_scale},
                        {"offset_ns", if_read(nic.offset_ns)},
                        {"offset_bound_ns", if_read(nic.offset_bound_ns)},
                        {"drift_ppb", if_read(nic.drift_ppb)},
                        {"drift_bound_ppb", if_read(nic.drift_bound_ppb)},
                        {"looks", nic.looks},
                        {"steps", nic.steps},
                        {"rx_filter", nic.rx_filter},
                        {"changed", nic.changed}};
  }
  return clocks;
}

Json probes_json(const RunDocument& document) {
  const auto& probes = document.probes;
  return {{"sent", probes.sent},
          {"received", probes.received},
          {"lost", probes.lost},
          {"lost_forward", probes.lost_forward},
          {"lost_backward", probes.lost_backward},
          {"lost_unknown", probes.lost_unknown},
          {"late", probes.late},
          {"duplicate", probes.duplicate},
          {"reordered", probes.reordered},
          {"skipped", document.skipped},
          {"send_failed", probes.send_failed},
          {"clock_stepped", probes.clock_stepped}};
}

Json points_json(const stats::PointLedger& ledger) {
  Json points = Json::array();
  for (const std::size_t slot_index : path_order) {
    const stats::SlotLedger& account = ledger.at(slot_index);
    Json row = slot_json(slot_index);
    row["status"] = account.plan == Reason::captured ? "on" : netobs::name(account.plan);
    row["requested"] = account.requested;
    row["captured"] = account.captured;
    row["coverage"] = or_null(account.coverage());
    Json missing = Json::object();
    for (std::size_t i = 0; i < reason_count; ++i) {
      if (account.missing[i] == 0) continue;
      missing[std::string(netobs::name(static_cast<Reason>(i)))] = account.missing[i];
    }
    row["missing"] = std::move(missing);
    points.push_back(std::move(row));
  }
  return points;
}

Json views_json(const std::array<std::optional<Figures>, stats::view_table.size()>& views) {
  Json json = Json::object();
  for (std::size_t i = 0; i < views.size(); ++i) {
    json[std::string(stats::view_table[i].name)] = figures_json(views[i]);
  }
  return json;
}

Json segments_json(const Summary& summary) {
  Json segments = Json::array();
  for (const SegmentSummary& row : summary.segments) {
    Json json{{"from", slot_json(row.segment.from)},
              {"to", slot_json(row.segment.to)},
              {"name", row.segment.name},
              {"kind", stats::name(row.segment.kind)}};
    if (row.segment.less) {
      json["less"] = {{"from", slot_json(row.segment.less->from)},
                      {"to", slot_json(row.segment.less->to)}};
    }
    json["count"] = row.figures ? row.figures->count : 0;
    const Json figures = figures_json(row.figures);
    for (const char* key : {"min", "mean", "p50", "p90", "p99", "p99_9", "p99_99", "max", "stddev",
                            "confidence_95"}) {
      json[key] = row.figures ? figures.at(key) : Json(nullptr);
    }
    json["share"] = or_null(row.share);
    json["uncertainty_ns"] = row.uncertainty_ns;
    segments.push_back(std::move(json));
  }
  return segments;
}

Json violations_json(const stats::ViolationCounters& violations) {
  Json json{{"causal_order", violations.causal_order},
            {"identity", violations.identity},
            {"order_checked", violations.order_checked},
            {"identity_checked", violations.identity_checked},
            {"capture_checked", violations.capture_checked},
            {"capture_differs", violations.capture_differs},
            {"worst", nullptr}};
  if (violations.worst) {
    json["worst"] = {{"from", slot_json(violations.worst->edge.from)},
                     {"to", slot_json(violations.worst->edge.to)},
                     {"by_ns", violations.worst->edge.by_ns},
                     {"sequence", violations.worst->sequence}};
  }
  return json;
}

Json store_json(const std::vector<StoreStatus>& store) {
  Json rows = Json::array();
  for (const StoreStatus& each : store) {
    rows.push_back({{"url", each.url},
                    {"rows_written", each.rows_written},
                    {"rows_spilled", each.rows_spilled},
                    {"rows_lost", each.rows_lost}});
  }
  return rows;
}

Json blocks_json(const Summary& summary) {
  const auto& blocks = summary.document.blocks;
  const auto known = stats::metric_list(summary.path);
  const auto values = [](const std::vector<std::optional<std::int64_t>>& series) {
    Json array = Json::array();
    for (const auto& value : series) array.push_back(or_null(value));
    return array;
  };
  Json metrics = Json::array();
  for (const auto& metric : blocks.metrics) {
    const auto found = std::ranges::find(known, metric.key, &stats::MetricInfo::key);
    const auto info = found == known.end() ? stats::MetricInfo{} : *found;
    metrics.push_back({{"key", metric.key},
                       {"kind", info.kind},
                       {"label", info.label},
                       {"host", info.host},
                       {"p50", values(metric.p50)},
                       {"p90", values(metric.p90)},
                       {"p99", values(metric.p99)}});
  }
  return {{"probes", blocks.probes}, {"lost", blocks.lost}, {"metrics", std::move(metrics)}};
}

/// The document with one more member on a line of its own: numbers for programs, by the thousand.
std::string with_line(const Json& document, std::string_view key, const Json& value) {
  constexpr auto on_error = Json::error_handler_t::replace;
  std::string text = document.dump(2, ' ', false, on_error);
  text.resize(text.size() - std::string_view("\n}").size());
  return fmt::format("{},\n  \"{}\": {}\n}}\n", text, key, value.dump(-1, ' ', false, on_error));
}

Json three_ways(Json round_trip, Json forward, Json backward) {
  return {{"round_trip", std::move(round_trip)},
          {"forward", std::move(forward)},
          {"backward", std::move(backward)}};
}

}  // namespace

std::string render_json(const Summary& summary, const RenderStyle& /*style*/) {
  const RunDocument& document = summary.document;
  const stats::ClockRelation& clocks = document.path.clocks;
  Json json;
  json["schema"] = "netobs.rtt/1";
  json["run"] = run_json(document);
  json["environment"] = environment_json(document);
  json["clocks"] = {{"relation", stats::name(clocks.kind)}, {"bound_ns", clocks.bound_ns}};
  json["nic_clocks"] = nic_clocks_json(document);
  json["probes"] = probes_json(document);
  json["points"] = points_json(summary.ledger);
  json["rtt_ns"] = views_json(summary.rtt);
  json["net_rtt_ns"] = views_json(summary.net_rtt);
  json["rtt_intended_ns"] = figures_json(summary.rtt_intended);
  json["segments"] = segments_json(summary);
  json["ipdv_ns"] = three_ways(figures_json(summary.ipdv), figures_json(summary.ipdv_forward),
                               figures_json(summary.ipdv_backward));
  json["pdv_ns"] = three_ways(figures_json(summary.pdv), figures_json(summary.pdv_forward),
                              figures_json(summary.pdv_backward));
  json["jitter_ns"] =
      three_ways(or_null(document.jitter.round_trip), or_null(document.jitter.forward),
                 or_null(document.jitter.backward));
  json["send_error_ns"] = figures_json(summary.send_error);
  json["violations"] = violations_json(document.violations);
  json["store"] = store_json(document.store);
  json["notes"] = summary.notes;
  return with_line(json, "blocks", blocks_json(summary));
}

}  // namespace netobs::report
