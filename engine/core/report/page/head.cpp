#include <fmt/format.h>

#include "core/report/page/page_parts.hpp"

namespace netobs::report {
namespace {

std::string when_text(const RunInfo& run) {
  // 2026-11-25T03:10:14.123456789Z: seconds are enough here.
  constexpr std::size_t date = 10;
  constexpr std::size_t time = 8;
  if (run.started_at.size() < date + 1 + time) return run.started_at;
  return fmt::format("{} {} UTC", run.started_at.substr(0, date),
                     run.started_at.substr(date + 1, time));
}

void put_tile(HtmlWriter& html, std::string_view label, std::string_view below,
              std::optional<std::int64_t> ns, const std::string& pointer) {
  html.open("div", {{"class", "tile"}});
  html.element("dt", label);
  html.open("dd");
  put_duration(html, ns, unit_for({static_cast<double>(ns.value_or(0))}), pointer);
  html.element("small", below);
  html.close();
  html.close();
}

void put_tiles(HtmlWriter& html, const Summary& summary) {
  const auto& rtt = round_trip(summary);
  const auto& probes = summary.document.probes;
  html.open("dl", {{"class", "tiles"}});
  if (rtt) {
    put_tile(html, "Round trip, p50", "half are faster", rtt->p50(), "/rtt_ns/app/p50");
    put_tile(html, "p99", "1 in 100 is slower", rtt->p99(), "/rtt_ns/app/p99");
    put_tile(html, "Maximum", "the slowest of all", rtt->max, "/rtt_ns/app/max");
  }
  html.open("div", {{"class", probes.lost == 0 ? "tile" : "tile bad"}});
  html.element("dt", "Lost");
  html.open("dd");
  put_count(html, probes.lost, "/probes/lost");
  html.open("small");
  html.text("of ");
  put_count(html, probes.sent, "/probes/sent");
  html.text(" sent");
  html.close();
  html.close();
  html.close();
  html.close();
}

/// Warnings of the environment and notes: what the reader should know before the figures.
void put_notes(HtmlWriter& html, const Summary& summary) {
  if (summary.notes.empty() && summary.document.warnings.empty()) return;
  html.open("ul", {{"class", "notes"}});
  for (const auto* list : {&summary.document.warnings, &summary.notes}) {
    for (const std::string& each : *list) {
      html.open("li");
      put_prose(html, each);
      html.close();
    }
  }
  html.close();
}

}  // namespace

void put_head(HtmlWriter& html, const Summary& summary) {
  const RunInfo& run = summary.document.run;
  html.open("header");
  html.element("p", "Net Obs latency report", {{"class", "brand"}});
  html.element("h1", run.target);
  html.open("ul", {{"class", "facts"}});
  if (!run.link.empty()) html.element("li", fmt::format("over {}", run.link));
  for (const std::string& item : how(run)) html.element("li", typeset(item));
  html.element("li", when_text(run));
  html.element("li", fmt::format("run {}", run.id));
  html.close();
  html.element("p", verdict_of(summary), {{"class", "verdict"}, {"id", "verdict"}});
  put_tiles(html, summary);
  put_notes(html, summary);
  html.close();
}

}  // namespace netobs::report
