#pragma once
// The sections of the HTML report, each written from the summary alone: readable without a script.
// Every number stands in a <data> element with its exact value and, in data-of, the JSON pointer
// (RFC 6901) to the same number in render_json()'s document.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/report/format.hpp"
#include "core/report/page/html_writer.hpp"
#include "core/report/summary.hpp"

namespace netobs::report {

/// Blanks that no line ends at.
[[nodiscard]] std::string unbroken(std::string_view text);
/// A sentence for the page: "us" after a number gets its micro sign, and number and unit stay on
/// one line.
[[nodiscard]] std::string typeset(std::string_view text);
/// A typeset sentence, in which the name of an option (--wait) does not break.
void put_prose(HtmlWriter& html, std::string_view text);

/// duration_text() with the micro sign, unbroken.
[[nodiscard]] std::string page_duration(double ns, const TimeUnit& unit);
[[nodiscard]] std::string page_duration(double ns);

/// The unit of a column for a value in it, or the value's own where the column's makes it hard to
/// read: 35 200 or 0.012 of something.
[[nodiscard]] TimeUnit readable_unit(const TimeUnit& of_column, std::optional<std::int64_t> ns);

/// "--" where there is no value.
void put_duration(HtmlWriter& html, std::optional<std::int64_t> ns, const TimeUnit& unit,
                  const std::string& pointer);
void put_duration(HtmlWriter& html, std::optional<double> ns, const TimeUnit& unit,
                  const std::string& pointer);
/// The head of the rows of one place: opens a cell over `columns` columns, with the place's key and
/// name. Two close() end it.
void open_place(HtmlWriter& html, std::string_view place, std::string_view columns);
void put_count(HtmlWriter& html, std::uint64_t count, const std::string& pointer);

/// The whole run in a sentence or two: what a user of this path gets, and where the time goes.
[[nodiscard]] std::string verdict_of(const Summary& summary);

/// What, where and when, the verdict, the figures that matter most, and the notes.
void put_head(HtmlWriter& html, const Summary& summary);
/// The way of a probe, piece by piece.
void put_waterfall(HtmlWriter& html, const Summary& summary);
void put_round_trips(HtmlWriter& html, const Summary& summary);
/// Jitter, delay variation, lateness of sends.
void put_more_figures(HtmlWriter& html, const Summary& summary);
void put_coverage(HtmlWriter& html, const Summary& summary);
void put_environment(HtmlWriter& html, const Summary& summary);
/// The command that repeats the run, and the one that shows it again.
void put_commands(HtmlWriter& html, const Summary& summary);

}  // namespace netobs::report
