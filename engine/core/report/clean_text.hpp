#pragma once

#include <string>
#include <string_view>

namespace netobs::report {

/// `text` as valid UTF-8 without control characters: each offending byte becomes '?'. Host names,
/// interface names and everything read from a database may hold anything, escape sequences for the
/// terminal included. Cleaning clean text changes nothing.
[[nodiscard]] std::string clean_text(std::string_view text);

/// How many columns clean text takes on a terminal, taking every character as one column wide.
[[nodiscard]] std::size_t display_width(std::string_view text);

}  // namespace netobs::report
