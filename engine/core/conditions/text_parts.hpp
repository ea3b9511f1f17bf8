#pragma once
// Parts of the text of `netobs check`, shared by the files that write it.

#include <cstddef>
#include <string>
#include <string_view>

#include "core/conditions/verdict.hpp"
#include "core/report/text_page.hpp"

namespace netobs::conditions {

inline constexpr std::size_t label_columns = 14;
inline constexpr std::size_t verdict_columns = 15;

[[nodiscard]] report::Ink ink_of(Verdict verdict);
/// "47.8 Mbit/s".
[[nodiscard]] std::string rate_text(double bps);
/// One line: label, verdict, figures and then the reason.
void put_item(report::TextPage& page, std::string_view label, const Judgement& judged,
              std::string text);

/// The three runs, then a table of what grew where.
void put_loaded(report::TextPage& page, const LoadedLatency& loaded, const Thresholds& limits);
[[nodiscard]] std::string loaded_threshold_text(const Thresholds& limits);

}  // namespace netobs::conditions
