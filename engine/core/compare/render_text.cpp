#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>
#include <vector>

#include "core/compare/render.hpp"
#include "core/report/format.hpp"
#include "core/report/text_page.hpp"

namespace netobs::compare {
namespace {

using report::Ink;
using report::TextPage;

constexpr std::size_t label_columns = 24;
constexpr std::size_t statistic_columns = 4;
constexpr std::size_t time_columns = 8;
constexpr std::size_t gap = 1;
constexpr std::size_t change_columns = 8;
constexpr std::size_t interval_columns = 15;

constexpr std::array<std::pair<Kind, std::string_view>, 4> headings{{
    {Kind::round_trip, "round trip"},
    {Kind::segment, "where the time goes"},
    {Kind::loss, "loss"},
    {Kind::duration, "time"},
}};

Ink ink_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::worse:
      return Ink::alarm;
    case Verdict::better:
      return Ink::good;
    case Verdict::not_enough_data:
      return Ink::caution;
    case Verdict::same:
      break;
  }
  return Ink::faint;
}

/// Every median, and of the tail what is not as it was.
bool worth_a_row(const MetricResult& result) {
  return result.statistic == Statistic::p50 || result.statistic == Statistic::whole ||
         result.kind == Kind::round_trip || result.verdict == Verdict::worse ||
         result.verdict == Verdict::better;
}

std::string shortened(std::string text, std::size_t width) {
  if (text.size() > width) text = text.substr(0, width - 2) + "..";
  return text;
}

std::string number(const TextPage& page, std::string_view text, std::size_t columns,
                   Ink ink = Ink::plain) {
  return std::string(gap, ' ') + page.right(text, columns, ink);
}

void put_head(TextPage& page, std::string_view heading) {
  page.blank();
  page.line(page.left(heading, label_columns + statistic_columns, Ink::strong) +
            number(page, "base", time_columns, Ink::faint) +
            number(page, "new", time_columns, Ink::faint) +
            number(page, "change", change_columns, Ink::faint) +
            number(page, "95 % sure", interval_columns, Ink::faint));
}

void put_row(TextPage& page, const MetricResult& result) {
  const Cells cells = cells_of(result);
  const std::string indent(result.place.empty() ? 2 : 4, ' ');
  const bool unclear = result.verdict == Verdict::not_enough_data;
  page.line(page.left(shortened(indent + result.label, label_columns - 1), label_columns) +
            page.left(name(result.statistic), statistic_columns) +
            number(page, cells.base, time_columns) + number(page, cells.next, time_columns) +
            number(page, cells.change, change_columns) +
            number(page, cells.interval, interval_columns) + "  " +
            page.ink(unclear ? "unclear" : words(result.verdict), ink_of(result.verdict)));
}

/// Every metric of a kind that is worth a row, hosts set apart.
void put_kind(TextPage& page, const Comparison& comparison, Kind kind, std::string_view heading) {
  bool first = true;
  std::string_view place;
  for (const auto& result : comparison.metrics) {
    if (result.kind != kind || !worth_a_row(result)) continue;
    if (std::exchange(first, false)) put_head(page, heading);
    if (std::exchange(place, result.place) != result.place) {
      page.line(page.ink("  " + result.place, Ink::faint));
    }
    put_row(page, result);
  }
}

/// At most five columns; beyond them the figure says no more than that it is huge.
std::string pct_number(double pct) {
  constexpr double most = 999;
  if (std::abs(pct) > most) return pct > 0 ? ">+999" : "<-999";
  return std::abs(pct) < 9.95 ? fmt::format("{:+.1f}", pct) : fmt::format("{:+.0f}", pct);
}

std::string signed_time(double ns) {
  return fmt::format("{}{}", ns < 0 ? "-" : "+", report::duration_text(std::abs(ns)));
}

}  // namespace

std::string words(Verdict verdict) {
  std::string text(name(verdict));
  std::ranges::replace(text, '_', ' ');
  return text;
}

std::string tally(const Comparison& comparison) {
  std::string text;
  for (const Verdict verdict :
       {Verdict::worse, Verdict::better, Verdict::same, Verdict::not_enough_data}) {
    const auto count = std::ranges::count(comparison.metrics, verdict, &MetricResult::verdict);
    if (count == 0) continue;
    const bool unclear = verdict == Verdict::not_enough_data;
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count,
                        unclear ? "unclear (not enough data)" : words(verdict));
  }
  return text;
}

Cells cells_of(const MetricResult& result) {
  const auto& interval = result.shift.interval;
  if (result.kind == Kind::loss) {
    const auto pct = [](double share) { return fmt::format("{:.2f} %", share * 100); };
    const auto change = fmt::format("{:+.2f} %", result.shift.estimate * 100);
    return {pct(result.base), pct(result.next), change,
            interval
                ? fmt::format("{:+.2f} to {:+.2f} %", interval->low * 100, interval->high * 100)
                : "--"};
  }
  Cells cells{report::duration_text(result.base), report::duration_text(result.next),
              signed_time(result.shift.estimate), "--"};
  if (const auto pct = result.change_pct()) cells.change = pct_number(*pct) + " %";
  if (const auto range = result.interval_pct()) {
    cells.interval = fmt::format("{} to {} %", pct_number(range->low), pct_number(range->high));
  } else if (interval) {
    cells.interval =
        fmt::format("{} to {}", signed_time(interval->low), signed_time(interval->high));
  }
  return cells;
}

std::string render_text(const Comparison& comparison, const report::RenderStyle& style) {
  TextPage page(style);
  constexpr std::size_t indent = 9;
  page.paragraph("base", comparison.base_title, indent, Ink::faint);
  page.paragraph("new", comparison.new_title, indent, Ink::faint);
  for (const auto& [kind, heading] : headings) put_kind(page, comparison, kind, heading);
  page.blank();
  page.paragraph("metrics", tally(comparison), indent);
  for (const auto& note : comparison.notes) page.paragraph("note", note, indent, Ink::caution);
  page.paragraph("verdict", sentence(comparison), indent, ink_of(comparison.verdict));
  return page.take();
}

}  // namespace netobs::compare
