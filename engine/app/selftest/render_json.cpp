#include <nlohmann/json.hpp>

#include "app/selftest/selftest.hpp"

namespace netobs::app::selftest {
namespace {

using Json = nlohmann::ordered_json;

Json recovery_json(const PlaceResult& row) {
  Json levels = Json::array();
  for (const auto& level : row.levels) {
    levels.push_back({{"nominal_ns", level.nominal_ns},
                      {"probes", level.probes},
                      {"injected_ns", level.injected_ns},
                      {"measured_ns", level.measured_ns}});
  }
  return {{"place", row.place->key},
          {"mechanism", row.place->mechanism},
          {"segment", row.right.key()},
          {"slope", row.fit.slope},
          {"slope_ci", Json::array({row.fit.slope_low, row.fit.slope_high})},
          {"intercept_ns", row.fit.intercept_ns},
          {"r2", row.fit.r2},
          {"probes", row.probes},
          {"levels", std::move(levels)},
          {"looks", row.looks},
          {"missed_before", row.missed_before},
          {"missed", row.missed}};
}

}  // namespace

std::string selftest_json(const SelftestResult& result) {
  Json json{{"schema", "netobs.selftest/1"},
            {"environment", result.environment},
            {"delays_ns", result.delays_ns},
            {"seed", result.seed},
            {"used_by_others", result.used_by_others},
            {"bounds",
             {{"least_delay_ns", result.bounds.least_delay_ns},
              {"slope_error", result.bounds.slope_error},
              {"least_right_share", result.bounds.least_right_share},
              {"most_wrong_share", result.bounds.most_wrong_share},
              {"least_complete", result.bounds.least_complete}}}};
  Json recovery = Json::array();
  Json leakage = Json::object();
  Json skipped = Json::array();
  for (const auto& row : result.places) {
    const std::string key(row.place->key);
    if (!row.skipped.empty()) {
      skipped.push_back({{"what", key}, {"why", row.skipped}});
      continue;
    }
    recovery.push_back(recovery_json(row));
    leakage[key] = Json::object();
    for (const auto& share : row.leakage) leakage[key][share.segment.key()] = share.share;
  }
  Json counts = Json::array();
  for (const auto& row : result.counts) {
    counts.push_back({{"kind", row.kind}, {"injected", row.injected}, {"reported", row.reported}});
  }
  if (!result.counts_skipped.empty()) {
    skipped.push_back({{"what", "counts"}, {"why", result.counts_skipped}});
  }
  Json checks = Json::array();
  for (const auto& check : result.checks) {
    if (!check.skipped.empty()) {
      skipped.push_back({{"what", check.key}, {"why", check.skipped}});
      continue;
    }
    checks.push_back({{"name", check.key},
                      {"compared", check.compared},
                      {"agreed", check.agreed},
                      {"passed", check.passed()}});
  }
  json["recovery"] = std::move(recovery);
  json["leakage"] = std::move(leakage);
  json["counts"] = std::move(counts);
  json["checks"] = std::move(checks);
  json["skipped"] = std::move(skipped);
  json["verdict"] = result.interrupted ? "interrupted" : result.passed() ? "pass" : "fail";
  return json.dump(2) + "\n";
}

}  // namespace netobs::app::selftest
