#include "core/report/page/chart_data.hpp"

#include <nlohmann/json.hpp>

#include "core/report/renderer.hpp"

namespace netobs::report {
namespace {

using Json = nlohmann::ordered_json;

Json views_json(const PageData& data) {
  Json views = Json::array();
  for (std::size_t i = 0; i < stats::view_table.size(); ++i) {
    const Shape& shape = data.shapes[i];
    if (shape.curve.empty()) continue;
    Json curve = Json::array();
    for (const CurvePoint& point : shape.curve) curve.push_back({point.one_in, point.ns});
    Json bars = Json::array();
    for (const HistogramBar& bar : shape.bars) {
      bars.push_back({bar.low_ns, bar.high_ns, bar.count});
    }
    views.push_back({{"name", stats::view_table[i].name},
                     {"label", stats::view_table[i].label},
                     {"curve", std::move(curve)},
                     {"bars", std::move(bars)}});
  }
  return views;
}

Json strokes_json(const Series& series, std::size_t view) {
  Json min = Json::array();
  Json median = Json::array();
  Json max = Json::array();
  for (const SeriesColumn& column : series.columns) {
    const auto& stroke = column.rtt[view];
    min.push_back(stroke ? Json(stroke->min_ns) : Json(nullptr));
    median.push_back(stroke ? Json(stroke->median_ns) : Json(nullptr));
    max.push_back(stroke ? Json(stroke->max_ns) : Json(nullptr));
  }
  return {{"min", std::move(min)}, {"p50", std::move(median)}, {"max", std::move(max)}};
}

Json series_json(const PageData& data) {
  const Series& series = data.series;
  Json json{{"source", series.source == Series::Source::rows ? "rows" : "rollups"},
            {"probes_per_column", series.probes_per_column},
            {"column_ns", series.column_ns}};
  Json offsets = Json::array();
  Json sent = Json::array();
  Json lost = Json::array();
  for (const SeriesColumn& column : series.columns) {
    offsets.push_back(column.offset_ns);
    sent.push_back(column.sent);
    lost.push_back(column.lost);
  }
  json["t_ns"] = std::move(offsets);
  json["sent"] = std::move(sent);
  json["lost"] = std::move(lost);
  json["views"] = Json::object();
  for (std::size_t i = 0; i < stats::view_table.size(); ++i) {
    if (data.shapes[i].curve.empty()) continue;
    json["views"][std::string(stats::view_table[i].name)] = strokes_json(series, i);
  }
  return json;
}

}  // namespace

std::string chart_data(const PageData& data, const std::string& name) {
  const Json json{{"name", name},
                  {"report", Json::parse(render_json(data.summary, {}))},
                  {"views", views_json(data)},
                  {"series", series_json(data)}};
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace netobs::report
