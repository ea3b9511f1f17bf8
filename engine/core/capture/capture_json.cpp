#include <nlohmann/json.hpp>

#include "core/capture/capture_report.hpp"
#include "core/report/clean_text.hpp"

namespace netobs::capture {
namespace {

using Json = nlohmann::ordered_json;

Json files_json(const CaptureReport& report) {
  Json files = Json::array();
  for (const auto& file : report.files) {
    files.push_back({{"path", report::clean_text(file.path)},
                     {"link", report::clean_text(file.link)},
                     {"point", file.vantage == Vantage::near ? "near" : "far"},
                     {"packets", file.packets},
                     {"snap_length", file.snap_length},
                     {"resolution_ns", file.resolution_ns},
                     {"ended_early", file.ended_early ? Json(report::clean_text(*file.ended_early))
                                                      : Json(nullptr)}});
  }
  return files;
}

Json skipped_json(const ReplayCounters& counters) {
  Json skipped = Json::object();
  for (std::size_t i = 0; i < skip_count; ++i) {
    skipped[std::string(name(static_cast<Skip>(i)))] = counters.skipped[i];
  }
  return skipped;
}

Json ports_json(const Census& census) {
  Json ports = Json::array();
  for (const auto& port : census.ports(16)) {
    ports.push_back({{"port", port.port}, {"datagrams", port.datagrams}, {"echoes", port.echoes}});
  }
  return ports;
}

Json survey_json(const std::optional<SurveyResult>& survey) {
  if (!survey) return nullptr;
  return {{"common_packets", survey->common},
          {"direction_known", survey->direction_known},
          {"offset_ns", survey->offset_ns}};
}

Json capture_json(const CaptureReport& report) {
  Json json{{"files", files_json(report)},
            {"match", name(report.match)},
            {"first_ns", report.first_ns ? Json(*report.first_ns) : Json(nullptr)},
            {"last_ns", report.last_ns},
            {"stopped", report.stopped},
            {"packets", report.packets.packets},
            {"datagrams", report.packets.datagrams},
            {"of_sessions", report.packets.of_sessions},
            {"first_fragments", report.packets.first_fragments},
            {"reordered", report.packets.reordered},
            {"clock_steps", report.packets.clock_steps},
            {"without_time", report.packets.without_time},
            {"skipped", skipped_json(report.packets)},
            {"two_points", survey_json(report.survey)}};
  json["left_over"] = {{"candidates", report.unmatched.candidates_dropped},
                       {"flows", report.unmatched.flows_dropped},
                       {"over_limit", report.unmatched.over_limit},
                       {"far_unknown", report.unmatched.far_unknown},
                       {"unmeasured_sessions", report.unmeasured_sessions},
                       {"refused_sessions", report.refused_sessions},
                       {"icmp_echo_requests", report.census.echo_requests()},
                       {"icmp_echo_replies", report.census.echo_replies()},
                       {"udp", report.census.udp()},
                       {"udp_echoes", report.census.udp_echoes()},
                       {"udp_ports", ports_json(report.census)}};
  json["notes"] = notes_of(report);
  return json;
}

Json session_json(const SessionReport& session) {
  const auto& identity = session.identity;
  const auto& counters = session.counters;
  return {
      {"number", identity.index + 1},
      {"match", name(session.match)},
      {"sender", identity.sender.text()},
      {"reflector", identity.reflector.text()},
      {"ssid", identity.ssid ? Json(*identity.ssid) : Json(nullptr)},
      {"mode", identity.mode == wire::Mode::authenticated ? "authenticated" : "unauthenticated"},
      {"requests", counters.requests},
      {"replies", counters.replies},
      {"duplicate_requests", counters.duplicate_requests},
      {"replies_seen_again", counters.replies_seen_again},
      {"unmeasured", counters.unmeasured},
      {"orphan_replies", counters.orphan_replies},
      {"hidden_replies", counters.hidden_replies},
      {"unreadable_replies", counters.unreadable_replies},
      {"hidden_tlvs", counters.hidden_tlvs},
      {"restarts", counters.restarts},
      {"cut_off", counters.cut_off},
      {"summary", Json::parse(report::render_json(session.summary, {}))}};
}

}  // namespace

std::string render_json(const CaptureReport& report, const SessionChoice& choice) {
  Json json{{"schema", "netobs.replay/1"}, {"capture", capture_json(report)}};
  json["sessions"] = Json::array();
  // All of them, unless one was named.
  const SessionChoice wanted{.all = !choice.number, .number = choice.number};
  for (const auto* session : chosen(report, wanted)) {
    json["sessions"].push_back(session_json(*session));
  }
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace netobs::capture
