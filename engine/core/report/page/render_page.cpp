#include "core/report/page/render_page.hpp"

#include <fmt/format.h>

#include "core/report/page/chart_data.hpp"
#include "core/report/page/frame.hpp"
#include "core/report/page/page_parts.hpp"

namespace netobs::report {
namespace {

std::string series_lead(const Series& series) {
  if (series.source == Series::Source::rollups) {
    return fmt::format(
        "Per {}: the median as a line, from minimum to maximum as an area, loss as marks above. "
        "The raw rows of the probes have expired, so this comes from the roll-ups.",
        page_duration(static_cast<double>(series.column_ns)));
  }
  if (series.probes_per_column == 1) return "Every probe; loss as marks above.";
  return fmt::format(
      "Per {}: the median as a line, from minimum to maximum as an area, loss as marks above.",
      counted(series.probes_per_column, "probe"));
}

void put_charts(HtmlWriter& html, const PageData& data) {
  html.open("section", {{"id", "round-trip"}});
  html.element("h2", "Round trip, at each layer");
  put_round_trips(html, data.summary);
  if (data.summary.document.probes.received != 0) {
    put_chart(html, "percentiles", "Percentiles",
              "How long all but the slowest take: each step to the right leaves out ten times "
              "fewer.");
    put_chart(html, "over-time", "Over time", series_lead(data.series));
    put_chart(html, "histogram", "Histogram",
              "Share of the answers per step of latency; the steps are equally wide on the "
              "logarithmic axis.");
  }
  html.close();
}

}  // namespace

std::string render_page(const PageData& data) {
  const Summary& summary = data.summary;
  HtmlWriter html;
  begin_page(html, fmt::format("{} \u2013 Net Obs", summary.document.run.target));
  put_head(html, summary);
  put_waterfall(html, summary);
  put_charts(html, data);
  put_more_figures(html, summary);
  put_coverage(html, summary);
  put_environment(html, summary);
  put_commands(html, summary);
  end_page(html, fmt::format("{{\"runs\":[{}]}}", chart_data(data, "run")));
  return html.take();
}

}  // namespace netobs::report
