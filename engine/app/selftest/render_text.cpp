#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "app/selftest/selftest.hpp"
#include "core/report/format.hpp"
#include "core/report/text_page.hpp"

namespace netobs::app::selftest {
namespace {

using report::Ink;
using report::TextPage;

constexpr std::size_t name_columns = 33;
constexpr std::size_t cell_width = 9;

std::string verdict_word(bool good) {
  return good ? "ok" : "MISSED";
}
Ink verdict_ink(bool good) {
  return good ? Ink::good : Ink::alarm;
}

std::string looks_word(const PlaceResult& row) {
  auto word = verdict_word(row.missed.empty());
  return row.looks > 1 ? fmt::format("{}, look {}", word, row.looks) : word;
}

void add_recovery(TextPage& page, const SelftestResult& result) {
  page.blank();
  page.line(page.left("recovery: measured against injected", 38, Ink::strong) +
            page.right("slope", 9) + page.right("95 %", 19) + page.right("offset", 10));
  for (const auto& row : result.places) {
    const auto label = fmt::format("  {}", row.place->label);
    if (!row.skipped.empty()) {
      page.paragraph(page.left(label, 26), "skipped: " + row.skipped, 27);
      continue;
    }
    const auto interval = fmt::format("{:.4f} to {:.4f}", row.fit.slope_low, row.fit.slope_high);
    page.line(page.left(label, 38) + page.right(fmt::format("{:.4f}", row.fit.slope), 9) +
              page.right(interval, 19) +
              page.right(report::duration_text(row.fit.intercept_ns), 10) + "  " +
              page.ink(looks_word(row), verdict_ink(row.missed.empty())));
  }
}

/// A row of the matrix: a segment between neighbouring points of the whole path.
struct MatrixRow {
  stats::Segment segment;
  std::size_t end;  // place of its end on the way
};

std::size_t order_of(std::size_t slot_index) {
  const auto* at = std::ranges::find(path_order, slot_index);
  return static_cast<std::size_t>(at - path_order.begin());
}

/// Every segment end that any place measured makes a row.
std::vector<MatrixRow> matrix_rows(const SelftestResult& result) {
  stats::PathConfig config;
  config.clocks.kind = stats::ClockRelation::Kind::same_clock;
  for (const auto& place : result.places) {
    for (const auto& share : place.leakage) {
      for (const auto end : {share.segment.from, share.segment.to}) {
        config.active[index(slot_host(end))].add(slot_point(end));
      }
    }
  }
  std::vector<MatrixRow> rows;
  for (auto& segment : stats::build_path(config).segments) {
    const auto end = order_of(segment.to);
    rows.push_back({std::move(segment), end});
  }
  return rows;
}

/// "100.0" where the place's segment ends at this row, "|" where it goes on below.
std::string cell(const PlaceResult& place, const MatrixRow& row) {
  for (const auto& share : place.leakage) {
    if (row.end <= order_of(share.segment.from) || row.end > order_of(share.segment.to)) continue;
    if (row.end != order_of(share.segment.to)) return "|";
    const double percent = share.share * 100;
    return fmt::format("{:.1f}", std::abs(percent) < 0.05 ? 0.0 : percent);
  }
  return "-";
}

bool is_right(const PlaceResult& place, const MatrixRow& row) {
  return !place.leakage.empty() && row.end == order_of(place.right.to);
}

void add_leakage(TextPage& page, const SelftestResult& result) {
  std::vector<const PlaceResult*> columns;
  for (const auto& place : result.places) {
    if (!place.leakage.empty()) columns.push_back(&place);
  }
  if (columns.empty()) return;
  page.blank();
  std::string first = page.left("leakage: % of the delay put in at", name_columns, Ink::strong);
  std::string second(name_columns, ' ');
  for (const auto* place : columns) {
    first += page.right(place->place->host, cell_width);
    second += page.right(place->place->part, cell_width);
  }
  page.line(first);
  page.line(second);
  std::string_view group;
  for (const auto& row : matrix_rows(result)) {
    const auto now = stats::place_of(row.segment.kind);
    std::string line = page.left(now == group ? "" : fmt::format("  {}", now), 13) +
                       page.left(report::short_name(row.segment, {}, 20, page.utf8()), 20);
    group = now;
    for (const auto* place : columns) {
      line += page.right(cell(*place, row), cell_width,
                         is_right(*place, row) ? Ink::strong : Ink::plain);
    }
    page.line(line);
  }
}

void add_counts(TextPage& page, const SelftestResult& result) {
  page.blank();
  if (!result.counts_skipped.empty()) {
    page.paragraph(page.ink("counts", Ink::strong), "skipped: " + result.counts_skipped, 10);
    return;
  }
  if (result.counts.empty()) return;
  page.line(page.left("counts, of 1 000 probes each", 38, Ink::strong) + page.right("injected", 9) +
            page.right("reported", 19));
  for (const auto& row : result.counts) {
    const bool good = row.passed();
    page.line(page.left("  " + row.kind, 38) + page.right(report::grouped(row.injected), 9) +
              page.right(report::grouped(row.reported), 19) + page.right("", 10) + "  " +
              page.ink(verdict_word(good), verdict_ink(good)));
  }
}

void add_checks(TextPage& page, const SelftestResult& result) {
  if (result.checks.empty()) return;
  page.blank();
  page.line(page.ink("the same packets by other instruments and points", Ink::strong));
  for (const auto& check : result.checks) {
    if (!check.skipped.empty()) {
      page.paragraph("", fmt::format("{}: skipped: {}", check.label, check.skipped), 2);
      continue;
    }
    page.paragraph("",
                   fmt::format("{}: {} of {}, {}", check.label, report::grouped(check.agreed),
                               report::grouped(check.compared), verdict_word(check.passed())),
                   2, verdict_ink(check.passed()));
  }
}

std::string delays_text(const SelftestResult& result) {
  std::string text;
  for (const auto delay : result.delays_ns) {
    if (!text.empty()) text += ", ";
    text += delay == 0 ? "0" : report::duration_text(delay);
  }
  return text;
}

/// No more than was measured.
std::string passed_text(const SelftestResult& result) {
  const auto places = result.places.size();
  const auto measured = std::ranges::count_if(
      result.places, [](const PlaceResult& place) { return place.skipped.empty(); });
  const bool whole = std::cmp_equal(measured, places);
  auto text = whole ? std::string("every delay was found where it was put, and only there")
                    : fmt::format(
                          "the delays at {} of {} places were found where they were put, "
                          "and only there; the others were skipped",
                          measured, places);
  text += result.counts.empty() ? "; counts were skipped" : "; counts are exact";
  const bool any_check = std::ranges::any_of(
      result.checks, [](const CrossCheck& check) { return check.skipped.empty(); });
  if (!any_check) text += "; other instruments were skipped";
  return text;
}

void add_verdict(TextPage& page, const SelftestResult& result) {
  page.blank();
  for (const auto& place : result.places) {
    for (const auto& miss : place.missed_before) {
      page.paragraph("before", fmt::format("{}, first look: {}", place.place->label, miss), 10,
                     Ink::caution);
    }
    for (const auto& miss : place.missed) {
      page.paragraph("missed", fmt::format("{}: {}", place.place->label, miss), 10, Ink::alarm);
    }
  }
  constexpr double quiet = 0.05;
  if (result.used_by_others > quiet) {
    page.paragraph("note",
                   fmt::format("Other programs used {} of the CPUs meanwhile, which can delay "
                               "these. Stop them for a firm result.",
                               report::percent_text(result.used_by_others)),
                   10, Ink::caution);
  }
  if (result.interrupted) {
    page.paragraph("verdict", "interrupted: what was not measured is not shown", 10, Ink::caution);
    return;
  }
  page.paragraph("verdict",
                 result.passed() ? passed_text(result)
                                 : "a bound was missed: do not trust this build on this machine "
                                   "before you know why",
                 10, result.passed() ? Ink::good : Ink::alarm);
}

}  // namespace

std::string selftest_text(const SelftestResult& result, const report::RenderStyle& style) {
  TextPage page(style);
  page.line(page.ink("netobs selftest", Ink::strong) +
            ": known delays, put in at one place at a time");
  page.paragraph("", result.environment, 0);
  page.paragraph(
      "",
      fmt::format("delays {}; order by seed {}; the slope is fitted from {} on, "
                  "within 1 +- {}",
                  delays_text(result), result.seed,
                  report::duration_text(result.bounds.least_delay_ns), result.bounds.slope_error),
      0);
  add_recovery(page, result);
  add_leakage(page, result);
  add_counts(page, result);
  add_checks(page, result);
  add_verdict(page, result);
  return page.take();
}

}  // namespace netobs::app::selftest
