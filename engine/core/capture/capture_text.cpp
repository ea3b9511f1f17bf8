#include <fmt/format.h>

#include <algorithm>

#include "core/capture/capture_report.hpp"
#include "core/report/clean_text.hpp"
#include "core/report/format.hpp"
#include "core/report/text_page.hpp"

namespace netobs::capture {
namespace {

using report::counted;
using report::duration_text;
using report::grouped;
using report::Ink;
using report::TextPage;

constexpr std::size_t label_width = 10;
constexpr std::size_t most_listed = 40;

std::string_view resolution_name(std::int64_t resolution_ns) {
  if (resolution_ns < 1'000) return "nanoseconds";
  if (resolution_ns < 1'000'000) return "microseconds";
  return resolution_ns < 1'000'000'000 ? "milliseconds" : "seconds";
}

void put_file(TextPage& page, const CaptureFile& file, bool two_points) {
  std::vector<std::string> items{report::clean_text(file.path), file.link,
                                 counted(file.packets, "packet")};
  if (file.snap_length != 0 && file.snap_length < 65'535) {
    items.push_back(fmt::format("{} bytes of each", file.snap_length));
  }
  items.emplace_back(resolution_name(file.resolution_ns));
  page.items(!two_points                     ? "capture"
             : file.vantage == Vantage::near ? "near"
                                             : "far",
             items, label_width, 3, Ink::strong);
}

void put_packets(TextPage& page, const CaptureReport& report) {
  if (!report.first_ns) return;
  std::vector<std::string> items{
      report::utc_text(*report.first_ns).substr(0, 19) + "Z",
      "for " + duration_text(report.last_ns - *report.first_ns),
      fmt::format("{} of sessions", grouped(report.packets.of_sessions))};
  for (std::size_t i = 0; i < skip_count; ++i) {
    if (report.packets.skipped[i] == 0) continue;
    items.push_back(
        fmt::format("{} {}", grouped(report.packets.skipped[i]), name(static_cast<Skip>(i))));
  }
  page.items("", items, label_width, 3);
  if (report.survey && report.survey->common > 0) {
    page.paragraph("",
                   fmt::format("{} of the beginnings are in both; a request is {} later at the "
                               "far point, by its own clock",
                               counted(report.survey->common, "packet"),
                               duration_text(report.survey->offset_ns)),
                   label_width);
  }
}

void put_session(TextPage& page, const SessionReport& session) {
  const auto& probes = session.summary.document.probes;
  const auto& figures = report::round_trip(session.summary);
  const auto cell = [&](std::optional<std::int64_t> ns) {
    return page.right(ns ? duration_text(*ns) : "--", 10);
  };
  const auto ends =
      fmt::format("{} > {}", session.identity.sender.text(), session.identity.reflector.text());
  const auto kind = session.identity.ssid
                        ? fmt::format("{} {}", kind_text(session), *session.identity.ssid)
                        : kind_text(session);
  page.line(page.right(fmt::format("{}", session.identity.index + 1), 3) + " " +
            page.left(kind, 14) + page.right(grouped(probes.sent), 9) +
            page.right(grouped(probes.lost), 7) + cell(figures ? figures->p50() : std::nullopt) +
            cell(figures ? figures->p99() : std::nullopt) + "  " + ends);
}

void put_sessions(TextPage& page, const CaptureReport& report) {
  page.blank();
  page.line(page.right("#", 3, Ink::faint) + " " + page.left("session", 14, Ink::strong) +
            page.right("requests", 9, Ink::faint) + page.right("lost", 7, Ink::faint) +
            page.right("p50", 10, Ink::faint) + page.right("p99", 10, Ink::faint) +
            page.ink("  sender > reflector", Ink::faint));
  const auto listed = std::min(most_listed, report.sessions.size());
  for (std::size_t i = 0; i < listed; ++i) put_session(page, report.sessions[i]);
  if (listed < report.sessions.size()) {
    page.line(fmt::format("    and {} more: --json lists all", report.sessions.size() - listed));
  }
}

}  // namespace

std::string render_text(const CaptureReport& report, const SessionChoice& choice,
                        const report::RenderStyle& style) {
  TextPage page(style);
  for (const auto& file : report.files) put_file(page, file, report.survey.has_value());
  put_packets(page, report);
  if (!report.sessions.empty()) put_sessions(page, report);
  for (const auto& note : notes_of(report)) {
    page.paragraph("note", note, label_width, Ink::caution);
  }
  std::string text = page.take();
  for (const auto* session : chosen(report, choice)) {
    text += fmt::format("\n{}", report::render_text(session->summary, style));
  }
  return text;
}

std::vector<const SessionReport*> chosen(const CaptureReport& report, const SessionChoice& choice) {
  std::vector<const SessionReport*> sessions;
  for (const auto& session : report.sessions) {
    if (choice.all || choice.number == session.identity.index + 1) sessions.push_back(&session);
  }
  if (choice.all || choice.number || report.sessions.empty()) return sessions;
  return {&*std::ranges::max_element(report.sessions, {}, [](const SessionReport& session) {
    return session.summary.document.probes.sent;
  })};
}

}  // namespace netobs::capture
