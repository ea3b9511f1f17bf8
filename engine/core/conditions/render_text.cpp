#include <fmt/format.h>

#include <string_view>

#include "core/conditions/render.hpp"
#include "core/conditions/text_parts.hpp"
#include "core/report/clean_text.hpp"
#include "core/report/format.hpp"

namespace netobs::conditions {

using report::Ink;
using report::TextPage;

namespace {

constexpr double kilo = 1e3;
constexpr double mega = 1e6;
constexpr double giga = 1e9;

std::string dns_figures(const Conditions& c) {
  if (!c.resolution.value) return "";
  const auto& found = *c.resolution.value;
  if (!found.dns_ns) return "";
  return fmt::format("{} -> {} in {}", c.target, found.address,
                     report::duration_text(*found.dns_ns));
}

std::string local_figures(const Conditions& c) {
  if (!c.local.value) return "";
  const auto& local = *c.local.value;
  return local.interface.empty() ? local.address
                                 : fmt::format("{} on {}", local.address, local.interface);
}

std::string mtu_figures(const Conditions& c) {
  if (!c.path_mtu.value) return "";
  return fmt::format("{} bytes", c.path_mtu.value->bytes);
}

std::string echo_figures(const Conditions& c) {
  if (!c.echo.value) return "";
  const EchoSeries& echo = *c.echo.value;
  std::string text;
  if (!echo.rtt.empty()) {
    text = fmt::format("min {}, mean {}, max {}", report::duration_text(*echo.rtt.min()),
                       report::duration_text(*echo.rtt.mean()),
                       report::duration_text(*echo.rtt.max()));
    for (const auto& row : stats::quantile_table) {
      if (const auto value = echo.rtt.quantile(row.quantile)) {
        text += fmt::format(", {} {}", row.label, report::duration_text(*value));
      }
    }
  }
  if (echo.jitter_ns) text += fmt::format(", jitter {}", report::duration_text(*echo.jitter_ns));
  if (!text.empty()) text += ", ";
  return text +
         fmt::format("lost {} of {}, by {}", echo.sent - echo.received, echo.sent, echo.method);
}

std::string test_figures(const Item<Throughput>& item) {
  if (!item.value) return "";
  const Throughput& test = *item.value;
  std::string text = rate_text(test.received_bps);
  if (test.retransmits) text += fmt::format(", retransmits {}", *test.retransmits);
  if (test.jitter_ns) text += fmt::format(", jitter {}", report::duration_text(*test.jitter_ns));
  if (test.lost && test.packets) text += fmt::format(", lost {} of {}", *test.lost, *test.packets);
  if (test.local_cpu_percent) text += fmt::format(", CPU here {:.0f} %", *test.local_cpu_percent);
  if (test.remote_cpu_percent) text += fmt::format(", there {:.0f} %", *test.remote_cpu_percent);
  return text;
}

/// In the order of item_table().
constexpr std::array<std::string (*)(const Conditions&), item_count> figures{
    dns_figures,
    local_figures,
    [](const Conditions& c) { return c.public_ip.value.value_or(""); },
    mtu_figures,
    [](const Conditions& c) { return c.hops() ? fmt::format("{}", *c.hops()) : std::string(); },
    echo_figures,
    [](const Conditions& c) { return test_figures(c.tcp_upload); },
    [](const Conditions& c) { return test_figures(c.tcp_download); },
    [](const Conditions& c) { return test_figures(c.udp_upload); },
    [](const Conditions& c) { return test_figures(c.udp_download); },
};

}  // namespace

report::Ink ink_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::fine:
      return Ink::good;
    case Verdict::network_issue:
    case Verdict::host_issue:
      return Ink::alarm;
    case Verdict::unknown:
      break;
  }
  return Ink::faint;
}

std::string rate_text(double bps) {
  const auto in = [bps](double unit, std::string_view name) {
    const double value = bps / unit;
    const int decimals = value < 10 ? 2 : value < 100 ? 1 : 0;
    return fmt::format("{:.{}f} {}", value, decimals, name);
  };
  if (bps >= giga) return in(giga, "Gbit/s");
  if (bps >= mega) return in(mega, "Mbit/s");
  return in(kilo, "kbit/s");
}

void put_item(TextPage& page, std::string_view label, const Judgement& judged, std::string text) {
  if (!judged.reason.empty()) text += (text.empty() ? "" : "; ") + judged.reason;
  page.paragraph(page.left(label, label_columns) +
                     page.left(name(judged.verdict), verdict_columns, ink_of(judged.verdict)),
                 report::clean_text(text), label_columns + verdict_columns);
}

std::string check_text(const Conditions& conditions, const Thresholds& limits,
                       const report::RenderStyle& style) {
  TextPage page(style);
  const auto address = conditions.resolution.value ? conditions.resolution.value->address : "";
  const auto target = report::clean_text(conditions.target);
  page.line(
      page.ink("netobs check ", Ink::strong) +
      (address.empty() || address == target ? target : fmt::format("{} ({})", target, address)));
  page.blank();
  for (std::size_t i = 0; i < item_count; ++i) {
    const ItemRow& row = item_table()[i];
    put_item(page, row.label, row.judge(conditions, limits), figures[i](conditions));
  }
  page.blank();
  if (conditions.loaded) put_loaded(page, *conditions.loaded, limits);
  if (conditions.interrupted) {
    page.paragraph("note", "ended early: what was not reached is not shown", label_columns,
                   Ink::caution);
  }
  auto thresholds = thresholds_text(limits);
  if (conditions.loaded) thresholds += " " + loaded_threshold_text(limits);
  page.paragraph("thresholds", thresholds, label_columns);
  return page.take();
}

}  // namespace netobs::conditions
