#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>

#include "core/report/page/page_parts.hpp"

namespace netobs::report {
namespace {

std::string words(std::string_view name) {
  std::string text(name);
  std::ranges::replace(text, '_', ' ');
  return text;
}

void put_missing(HtmlWriter& html, const stats::SlotLedger& account, std::size_t row) {
  bool first = true;
  for (std::size_t i = 0; i < reason_count; ++i) {
    if (account.missing[i] == 0) continue;
    const auto reason = netobs::name(static_cast<Reason>(i));
    html.text(fmt::format("{}{} ", first ? "" : ", ", words(reason)));
    put_count(html, account.missing[i], fmt::format("/points/{}/missing/{}", row, reason));
    first = false;
  }
}

void put_point(HtmlWriter& html, std::size_t slot_index, const stats::SlotLedger& account,
               std::size_t row) {
  html.open("tr");
  html.element("td", netobs::name(slot_host(slot_index)));
  html.element("th", netobs::name(slot_point(slot_index)), {{"scope", "row"}});
  html.open("td", {{"class", "number"}});
  put_count(html, account.requested, fmt::format("/points/{}/requested", row));
  html.close();
  html.open("td", {{"class", "number"}});
  put_count(html, account.captured, fmt::format("/points/{}/captured", row));
  html.close();
  const auto coverage = account.coverage();
  html.element("td", coverage ? percent_floor(*coverage) : "--", {{"class", "number"}});
  html.open("td");
  put_missing(html, account, row);
  html.close();
  html.close();
}

bool is_measured(const stats::SlotLedger& account) {
  return account.plan == Reason::captured || account.requested != 0;
}

/// "unsupported: sender tx_hardware, ...": the points without a row in the table.
void put_unmeasured(HtmlWriter& html, const stats::PointLedger& ledger) {
  std::map<std::string, std::vector<std::string>> points;
  for (const std::size_t slot_index : path_order) {
    const stats::SlotLedger& account = ledger.at(slot_index);
    if (is_measured(account)) continue;
    points[words(netobs::name(account.plan))].push_back(fmt::format(
        "{} {}", netobs::name(slot_host(slot_index)), netobs::name(slot_point(slot_index))));
  }
  std::vector<std::string> reasons;
  reasons.reserve(points.size());
  for (const auto& [reason, names] : points) {
    reasons.push_back(fmt::format("{}: {}", reason, fmt::join(names, ", ")));
  }
  if (reasons.empty()) return;
  html.element("p", fmt::format("Not measured \u2013 {}.", fmt::join(reasons, "; ")),
               {{"class", "unmeasured"}});
}

void put_points(HtmlWriter& html, const stats::PointLedger& ledger) {
  html.open("div", {{"class", "scroll"}});
  html.open("table", {{"class", "points"}});
  html.open("thead");
  html.open("tr");
  html.element("th", "host", {{"scope", "col"}});
  html.element("th", "point", {{"scope", "col"}});
  for (const char* title : {"requested", "captured", "coverage"}) {
    html.element("th", title, {{"scope", "col"}, {"class", "number"}});
  }
  html.element("th", "missing, by reason", {{"scope", "col"}});
  html.close();
  html.close();
  html.open("tbody");
  std::size_t row = 0;
  for (const std::size_t slot_index : path_order) {
    const stats::SlotLedger& account = ledger.at(slot_index);
    if (is_measured(account)) put_point(html, slot_index, account, row);
    ++row;
  }
  html.close();
  html.close();
  html.close();
  put_unmeasured(html, ledger);
}

void put_counters(HtmlWriter& html, const RunDocument& document) {
  const auto& probes = document.probes;
  struct Counter {
    std::string_view label;
    std::string_view key;
    std::uint64_t value;
  };
  const std::array<Counter, 7> counters{{{"sent", "sent", probes.sent},
                                         {"answered", "received", probes.received},
                                         {"lost", "lost", probes.lost},
                                         {"late", "late", probes.late},
                                         {"duplicate", "duplicate", probes.duplicate},
                                         {"reordered", "reordered", probes.reordered},
                                         {"skipped", "skipped", document.skipped}}};
  html.open("dl", {{"class", "counters"}});
  for (const Counter& each : counters) {
    html.open("div");
    html.element("dt", each.label);
    html.open("dd");
    put_count(html, each.value, fmt::format("/probes/{}", each.key));
    html.close();
    html.close();
  }
  html.close();
}

}  // namespace

void put_coverage(HtmlWriter& html, const Summary& summary) {
  const auto& violations = summary.document.violations;
  html.open("section", {{"id", "coverage"}});
  html.element("h2", "Coverage and checks");
  html.open("ul", {{"class", "checks"}});
  const bool clean = is_sound(violations);
  for (const std::string& item : check_items(violations)) {
    html.element("li", typeset(item), {{"class", clean ? "good" : "bad"}});
  }
  html.close();
  put_counters(html, summary.document);
  html.open("details", {{"open", ""}});
  html.element("summary", layers_text(summary));
  put_points(html, summary.ledger);
  html.close();
  html.close();
}

void put_environment(HtmlWriter& html, const Summary& summary) {
  const RunDocument& document = summary.document;
  html.open("section", {{"id", "environment"}});
  html.element("h2", "Environment");
  for (const std::string& each : document.warnings) {
    html.open("p", {{"class", "warning"}});
    put_prose(html, each);
    html.close();
  }
  html.open("dl", {{"class", "environment"}});
  for (const EnvironmentEntry& entry : document.environment) {
    html.open("div");
    html.element("dt", words(entry.key));
    html.element(
        "dd", std::visit([](const auto& value) { return fmt::format("{}", value); }, entry.value));
    html.close();
  }
  for (const NicClockInfo& nic : document.nic_clocks) {
    html.open("div");
    html.element("dt", "NIC clock");
    html.element("dd", fmt::format("{}", fmt::join(nic_clock_items(nic, true), "; ")));
    html.close();
  }
  html.close();
  html.close();
}

void put_commands(HtmlWriter& html, const Summary& summary) {
  const RunDocument& document = summary.document;
  html.open("section", {{"id", "repeat"}});
  html.element("h2", "Repeat it");
  if (!document.run.command_line.empty()) {
    html.element("pre", document.run.command_line, {{"id", "command"}, {"tabindex", "0"}});
  }
  html.element("p", "The same run as text, or as JSON (--json):");
  std::string again = fmt::format("netobs report {}", document.run.id);
  if (!document.store.empty()) again += fmt::format(" --store {}", document.store.front().url);
  html.element("pre", again, {{"tabindex", "0"}});
  html.close();
}

}  // namespace netobs::report
