#include "core/report/page/frame.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <array>

#include "core/base/check.hpp"
#include "core/report/page/assets.hpp"

namespace netobs::report {
namespace {

/// 'sha256-<base64>', as a Content-Security-Policy names the one text that may run.
std::string hash_source(std::string_view text) {
  constexpr std::size_t hash_size = 32;
  std::array<unsigned char, hash_size> hash{};
  unsigned length = 0;
  const bool hashed =
      EVP_Digest(text.data(), text.size(), hash.data(), &length, EVP_sha256(), nullptr) == 1;
  NETOBS_CHECK(hashed && length == hash_size, "libcrypto has no SHA-256");
  std::array<unsigned char, 4 * ((hash_size + 2) / 3) + 1> base64{};
  const int size = EVP_EncodeBlock(base64.data(), hash.data(), static_cast<int>(hash_size));
  const auto* letters = reinterpret_cast<const char*>(base64.data());
  return fmt::format("'sha256-{}'", std::string_view(letters, static_cast<std::size_t>(size)));
}

std::string policy() {
  return fmt::format(
      "default-src 'none'; base-uri 'none'; form-action 'none'; style-src {}; script-src {} {}",
      hash_source(assets::style()), hash_source(assets::chart_library()),
      hash_source(assets::script()));
}

void put_verbatim(HtmlWriter& html, std::string_view element, std::string_view text) {
  html.open(element);
  html.verbatim(text);
  html.close();
}

/// Patterns that tell the places apart where colour does not.
void put_patterns(HtmlWriter& html) {
  html.open("svg", {{"class", "patterns"}, {"aria-hidden", "true"}});
  html.open("pattern", {{"id", "hatch"},
                        {"width", "6"},
                        {"height", "6"},
                        {"patternUnits", "userSpaceOnUse"},
                        {"patternTransform", "rotate(45)"}});
  html.element("rect", "", {{"width", "6"}, {"height", "6"}});
  html.element("line", "", {{"x1", "0"}, {"x2", "0"}, {"y1", "0"}, {"y2", "6"}});
  html.close();
  html.open("pattern",
            {{"id", "dots"}, {"width", "5"}, {"height", "5"}, {"patternUnits", "userSpaceOnUse"}});
  html.element("rect", "", {{"width", "5"}, {"height", "5"}});
  html.element("circle", "", {{"cx", "2.5"}, {"cy", "2.5"}, {"r", "1.1"}});
  html.close();
  html.close();
}

}  // namespace

void begin_page(HtmlWriter& html, std::string_view title) {
  html.verbatim("<!DOCTYPE html>\n");
  html.open("html", {{"lang", "en"}});
  html.open("head");
  html.empty("meta", {{"charset", "utf-8"}});
  html.empty("meta", {{"http-equiv", "Content-Security-Policy"}, {"content", policy()}});
  html.empty("meta", {{"name", "viewport"}, {"content", "width=device-width, initial-scale=1"}});
  html.empty("meta", {{"name", "color-scheme"}, {"content", "light dark"}});
  html.empty("meta", {{"name", "referrer"}, {"content", "no-referrer"}});
  html.element("title", title);
  put_verbatim(html, "style", assets::style());
  html.close();
  html.open("body");
  put_patterns(html);
  html.open("main");
}

void put_chart(HtmlWriter& html, std::string_view id, std::string_view title,
               std::string_view lead) {
  html.open("figure", {{"class", "chart"}, {"id", std::string(id)}});
  html.open("figcaption");
  html.element("h3", title);
  html.element("p", lead);
  html.close();
  html.element("div", "", {{"class", "choice"}});
  html.element("div", "", {{"class", "canvas"}});
  html.element("p",
               assets::chart_library().empty()
                   ? "No chart: netobs was built without Chart.js (package libjs-chart.js)."
                   : "The charts need a browser that runs scripts.",
               {{"class", "fallback"}});
  html.close();
}

void end_page(HtmlWriter& html, const std::string& data) {
  html.close();
  html.open("footer");
  html.element("p", "Written by Net Obs. This page is whole: it fetches nothing.");
  if (!assets::chart_library().empty()) {
    html.open("details");
    html.element("summary", "Charts by Chart.js, MIT licence");
    html.element("pre", assets::chart_licence());
    html.close();
  }
  html.close();
  html.open("script", {{"type", "application/json"}, {"id", "data"}});
  html.verbatim(json_for_script(data));
  html.close();
  if (!assets::chart_library().empty()) put_verbatim(html, "script", assets::chart_library());
  put_verbatim(html, "script", assets::script());
  html.close();
  html.close();
}

}  // namespace netobs::report
