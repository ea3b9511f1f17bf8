#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "app/selftest/cost.hpp"
#include "core/report/format.hpp"
#include "core/report/text_page.hpp"

namespace netobs::app::selftest {
namespace {

using Json = nlohmann::ordered_json;
using report::Ink;
using report::TextPage;

std::string interval_text(const RoundMedian& value) {
  if (!value.confidence) return "--";
  return report::range_text(value.confidence->low, value.confidence->high);
}

std::string row_of(const TextPage& page, std::string_view layers, std::string_view points,
                   const RoundMedian& p50, const RoundMedian& p99) {
  return page.left(layers, 18) + page.right(points, 6) +
         page.right(report::duration_text(p50.median_ns), 10) + page.right(interval_text(p50), 18) +
         page.right(report::duration_text(p99.median_ns), 10) + page.right(interval_text(p99), 18);
}

Json median_json(const RoundMedian& value) {
  return {{"median_ns", value.median_ns},
          {"ci", value.confidence ? Json::array({value.confidence->low, value.confidence->high})
                                  : Json(nullptr)}};
}

}  // namespace

std::string cost_text(const CostResult& result, const report::RenderStyle& style) {
  TextPage page(style);
  page.line(page.ink("netobs selftest --cost", Ink::strong) +
            ": what each layer adds to the round trip");
  if (result.interrupted) {
    page.line("interrupted: nothing to show");
    return page.take();
  }
  page.paragraph("", result.environment, 0);
  page.paragraph("",
                 fmt::format("{} rounds of {} probes per block, ping-pong, {} bytes in every "
                             "block; order by seed {}; layers on both hosts",
                             result.rounds, report::grouped(result.probes), 256, result.seed),
                 0);
  page.blank();
  page.line(page.left("", 18) + page.right("points", 6) + page.right("p50", 10) +
            page.right("95 %", 18) + page.right("p99", 10) + page.right("95 %", 18));
  page.line(row_of(page, "app", "4", result.base_p50, result.base_p99));
  page.line(page.ink("more than that, ns per probe in the same round", Ink::faint));
  for (const auto& row : result.layers) {
    if (!row.skipped.empty()) {
      page.line(page.left(row.layers, 18) + "  skipped: " + row.skipped);
      continue;
    }
    page.line(row_of(page, row.layers, std::to_string(row.points), row.p50, row.p99));
  }
  page.blank();
  page.paragraph("floor",
                 fmt::format("two clock reads in a row are p50 {} ns, p99 {} ns apart: what an "
                             "interval of nothing is measured as",
                             result.floor_p50_ns, result.floor_p99_ns),
                 7);
  return page.take();
}

std::string cost_json(const CostResult& result) {
  Json json{
      {"schema", "netobs.selftest.cost/1"},
      {"environment", result.environment},
      {"seed", result.seed},
      {"rounds", result.rounds},
      {"probes", result.probes},
      {"interrupted", result.interrupted},
      {"floor_ns", {{"p50", result.floor_p50_ns}, {"p99", result.floor_p99_ns}}},
      {"base", {{"p50", median_json(result.base_p50)}, {"p99", median_json(result.base_p99)}}}};
  Json layers = Json::array();
  for (const auto& row : result.layers) {
    Json entry{{"layers", row.layers}, {"points", row.points}};
    if (row.skipped.empty()) {
      entry["p50_shift"] = median_json(row.p50);
      entry["p99_shift"] = median_json(row.p99);
    } else {
      entry["skipped"] = row.skipped;
    }
    layers.push_back(std::move(entry));
  }
  json["layers"] = std::move(layers);
  return json.dump(2) + "\n";
}

}  // namespace netobs::app::selftest
