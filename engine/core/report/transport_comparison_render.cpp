#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "core/report/format.hpp"
#include "core/report/text_page.hpp"
#include "core/report/transport_comparison.hpp"

namespace netobs::report {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t name_columns = 10;
constexpr std::size_t cell_columns = 11;
constexpr std::size_t range_columns = 18;
constexpr std::size_t indent = 10;

std::string cell(const TextPage& page, std::optional<std::int64_t> ns) {
  return page.right(ns ? duration_text(*ns) : "--", cell_columns);
}

std::string range_cell(const TextPage& page, const std::optional<stats::Interval>& interval) {
  return page.right(interval ? range_text(interval->low, interval->high) : "--", range_columns);
}

void put_transport(TextPage& page, const TransportFigures& figures,
                   const TransportFigures* baseline) {
  std::string line = page.left(figures.name, name_columns);
  if (figures.rtt.empty()) {
    const auto why = figures.failure ? figures.failure->brief() : "no probe was answered";
    page.paragraph(figures.name, "could not be measured: " + why, indent);
    return;
  }
  line += cell(page, figures.rtt.quantile(stats::p50));
  line += range_cell(page, figures.rtt.confidence_interval(stats::p50));
  line += cell(page, figures.rtt.quantile(stats::p99));
  const auto more = baseline != nullptr && baseline != &figures
                        ? paired_difference(figures, *baseline)
                        : std::nullopt;
  line += cell(page, more ? std::optional(more->p50_ns) : std::nullopt);
  line += range_cell(page, more ? more->interval : std::nullopt);
  page.line(std::move(line));
}

void put_head(TextPage& page) {
  std::string line = page.left("round trip", name_columns, Ink::strong);
  line += page.right("p50", cell_columns, Ink::faint);
  line += page.right("95 % sure", range_columns, Ink::faint);
  line += page.right("p99", cell_columns, Ink::faint);
  line += page.right("+af_xdp", cell_columns, Ink::faint);
  line += page.right("95 % sure", range_columns, Ink::faint);
  page.line(std::move(line));
}

/// The kernel transport whose stack costs least: what the bypass saves at best.
const TransportFigures* best_of_the_stack(const TransportComparison& comparison,
                                          const TransportFigures* baseline) {
  const TransportFigures* best = nullptr;
  for (const auto& each : comparison.transports) {
    if (&each == baseline || each.rtt.empty()) continue;
    if (best == nullptr || each.rtt.quantile(stats::p50) < best->rtt.quantile(stats::p50)) {
      best = &each;
    }
  }
  return best;
}

std::string sender_sentence(const TransportComparison& comparison) {
  const auto* baseline = bypass(comparison);
  if (baseline == nullptr) return "not known: AF_XDP could not be measured.";
  const auto* best = best_of_the_stack(comparison, baseline);
  const auto more = best == nullptr ? std::nullopt : paired_difference(*best, *baseline);
  if (!more) return "not known: no other transport was measured in the same round.";
  auto text = fmt::format("{} of a round trip ({} less af_xdp, median of {} rounds",
                          duration_text(more->p50_ns), best->name, more->rounds);
  if (more->interval) {
    text += fmt::format(", 95 % sure: {}", range_text(more->interval->low, more->interval->high));
  }
  return text + ").";
}

std::string reflector_sentence(const TransportComparison& comparison) {
  stats::Distribution all;
  for (const auto& each : comparison.transports) all.merge(each.reflector);
  const auto p50 = all.quantile(stats::p50);
  if (!p50) {
    return "not on its path, or not told: it gives no times on both sides of a stack.";
  }
  auto text = fmt::format(
      "{} of a round trip (its own times, rx_software to app_rx and app_tx to "
      "tx_software, median",
      duration_text(*p50));
  if (const auto sure = all.confidence_interval(stats::p50)) {
    text += fmt::format(", 95 % sure: {}", range_text(sure->low, sure->high));
  }
  return text + ").";
}

std::uint64_t total(const TransportComparison& comparison,
                    std::uint64_t TransportFigures::* count) {
  std::uint64_t sum = 0;
  for (const auto& each : comparison.transports) sum += each.*count;
  return sum;
}

template <class T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

Json interval_json(const std::optional<stats::Interval>& interval) {
  if (!interval) return nullptr;
  return Json::array({interval->low, interval->high});
}

Json transport_json(const TransportFigures& figures, const TransportFigures* baseline) {
  Json json{{"name", figures.name},
            {"description", figures.description},
            {"sent", figures.sent},
            {"lost", figures.lost},
            {"violations", figures.violations},
            {"rtt_p50_ns", or_null(figures.rtt.quantile(stats::p50))},
            {"rtt_p50_ci95_ns", interval_json(figures.rtt.confidence_interval(stats::p50))},
            {"rtt_p99_ns", or_null(figures.rtt.quantile(stats::p99))},
            {"reflector_stack_p50_ns", or_null(figures.reflector.quantile(stats::p50))},
            {"failure", figures.failure ? Json(figures.failure->message()) : Json(nullptr)}};
  const auto more = baseline != nullptr && baseline != &figures
                        ? paired_difference(figures, *baseline)
                        : std::nullopt;
  json["over_af_xdp_ns"] = more ? Json(more->p50_ns) : Json(nullptr);
  json["over_af_xdp_ci95_ns"] = interval_json(more ? more->interval : std::nullopt);
  auto& blocks = json["block_p50_ns"] = Json::array();
  for (const auto& block : figures.block_p50_ns) blocks.push_back(or_null(block));
  return json;
}

}  // namespace

std::string render_text(const TransportComparison& comparison, const RenderStyle& style) {
  TextPage page(style);
  page.line(page.ink(comparison.target, Ink::strong) + " over " + comparison.link);
  page.line(fmt::format("{} rounds of {} each, the transports taking turns", comparison.rounds,
                        counted(comparison.probes_per_block, "probe")));
  page.line(fmt::format("sent {}   lost {}", grouped(total(comparison, &TransportFigures::sent)),
                        grouped(total(comparison, &TransportFigures::lost))));
  page.blank();
  put_head(page);
  const auto* baseline = bypass(comparison);
  for (const auto& each : comparison.transports) put_transport(page, each, baseline);
  page.blank();
  page.line(page.ink("what the kernel's network stack costs", Ink::strong));
  page.paragraph("sender", sender_sentence(comparison), indent);
  page.paragraph("reflector", reflector_sentence(comparison), indent);
  page.blank();
  page.paragraph("reflector", comparison.reflector, indent, Ink::faint);
  for (const auto& each : comparison.transports) {
    if (!each.description.empty()) page.paragraph("", each.description, indent);
  }
  if (const auto wrong = total(comparison, &TransportFigures::violations); wrong > 0) {
    page.paragraph("checks", fmt::format("{} records cannot be true: do not trust them.", wrong),
                   indent, Ink::alarm);
  }
  return page.take();
}

std::string render_json(const TransportComparison& comparison) {
  Json json{{"schema", "netobs.transports/1"}, {"target", comparison.target},
            {"link", comparison.link},         {"reflector", comparison.reflector},
            {"rounds", comparison.rounds},     {"probes_per_block", comparison.probes_per_block}};
  auto& list = json["transports"] = Json::array();
  const auto* baseline = bypass(comparison);
  for (const auto& each : comparison.transports) list.push_back(transport_json(each, baseline));
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace netobs::report
