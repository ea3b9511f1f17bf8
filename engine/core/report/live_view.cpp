#include "core/report/live_view.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/report/clean_text.hpp"
#include "core/report/format.hpp"
#include "core/report/text_page.hpp"

namespace netobs::report {
namespace {

constexpr std::size_t widest = 100;  // wider, the eye loses the row
constexpr std::size_t name_width = 13;
constexpr std::size_t cell_width = 9;
constexpr std::size_t place_width = 12;
constexpr std::size_t share_width = 7;
constexpr std::size_t longest_bar = 32;

/// The first `columns` columns of text that may hold escape sequences for colours; those are kept.
std::string clipped(const std::string& text, std::size_t columns) {
  std::string out;
  std::size_t width = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\x1b') {
      const auto end = std::min(text.find('m', i), text.size() - 1);
      out += text.substr(i, end - i + 1);
      i = end;
      continue;
    }
    const bool continues = (static_cast<unsigned char>(text[i]) & 0xc0U) == 0x80U;
    if (!continues) ++width;
    if (width <= columns) out += text[i];
  }
  while (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

class View {
 public:
  View(const LiveSnapshot& snapshot, const LiveRun& run, const LiveScreen& screen)
      : snapshot_(snapshot),
        run_(run),
        columns_(std::min<std::size_t>(std::max(screen.columns, live_min_columns) - 1, widest)),
        rows_(std::max(screen.rows, live_min_rows) - 1),
        page_({.colour = screen.colour, .utf8 = screen.utf8, .columns = screen.columns}),
        plain_({.colour = false, .utf8 = screen.utf8, .columns = screen.columns}) {}

  std::vector<std::string> lines();

 private:
  void put(const std::string& line) { lines_.push_back(clipped(line, columns_)); }
  void put_progress();
  void put_counts();
  void put_views();
  void put_view(std::size_t view);
  void put_segments();
  void put_segment(std::size_t index, double share_before, bool new_place);
  [[nodiscard]] std::vector<bool> shown_segments(std::size_t room) const;
  /// Padded to the width.
  [[nodiscard]] std::string bar(double share, std::size_t width) const {
    return page_.left(plain_.bar(share, width), width, Ink::bar);
  }
  [[nodiscard]] std::string figures(const std::optional<LiveFigures>& figures,
                                    std::size_t cells) const;

  /// Without room for six cells, the last second goes without its maximum.
  [[nodiscard]] std::size_t recent_cells() const {
    return columns_ >= name_width + 6 * cell_width ? 3 : 2;
  }
  [[nodiscard]] std::size_t segment_width() const { return columns_ >= 75 ? 24 : 20; }
  [[nodiscard]] std::size_t bar_width() const {
    return std::min(longest_bar,
                    columns_ - place_width - segment_width() - cell_width - share_width);
  }

  const LiveSnapshot& snapshot_;
  const LiveRun& run_;
  std::size_t columns_;
  std::size_t rows_;
  TextPage page_;
  TextPage plain_;  // for what is measured before it is inked
  std::vector<std::string> lines_;
};

std::vector<std::string> View::lines() {
  if (!run_.target.empty()) put(clean_text(run_.target));
  put_progress();
  put_counts();
  put("");
  put_views();
  put_segments();
  return std::move(lines_);
}

void View::put_progress() {
  std::string line = page_.left(clean_text(run_.phase), name_width, Ink::strong);
  const auto sent = snapshot_.probes.sent;
  if (const auto done = live_share_done(run_, sent, snapshot_.elapsed)) {
    line += "[" + bar(*done, longest_bar / 2) + "]";
    line += page_.right(percent_text(*done), share_width);
  }
  line +=
      fmt::format("   {} s", std::chrono::floor<std::chrono::seconds>(snapshot_.elapsed).count());
  if (run_.stopping) {
    line += ", ending";
  } else if (const auto left = live_time_left(run_, sent, snapshot_.elapsed)) {
    line += fmt::format(", {:.0f} s left", std::chrono::duration<double>(*left).count());
  }
  put(line);
}

void View::put_counts() {
  const auto& probes = snapshot_.probes;
  const auto sent =
      fmt::format("sent {}   answered {}   ", grouped(probes.sent), grouped(probes.received));
  std::string lost = fmt::format("lost {}", grouped(probes.lost));
  if (probes.lost > 0 && probes.sent > 0) {
    const auto share = static_cast<double>(probes.lost) / static_cast<double>(probes.sent);
    lost += fmt::format(" ({:.2f} %)", 100 * share);
  }
  std::string recent;
  if (const auto& second = snapshot_.last_second; second && second->lost > 0) {
    recent = fmt::format("   {} in the last second", grouped(second->lost));
  }
  if (sent.size() + lost.size() + recent.size() > columns_) recent.clear();
  put(sent + page_.ink(lost, probes.lost > 0 ? Ink::caution : Ink::plain) + recent);
}

std::string View::figures(const std::optional<LiveFigures>& figures, std::size_t cells) const {
  if (!figures) return page_.right("--", cell_width) + std::string((cells - 1) * cell_width, ' ');
  const std::array<std::optional<std::int64_t>, 3> values{figures->p50, figures->p99, figures->max};
  std::string text;
  for (std::size_t i = 0; i < cells; ++i) {
    text += page_.right(values[i] ? duration_text(*values[i]) : "--", cell_width);
  }
  return text;
}

void View::put_views() {
  const std::size_t recent = recent_cells();
  put(page_.left("round trip", name_width, Ink::strong) +
      page_.right("so far", 3 * cell_width, Ink::faint) +
      page_.right("last second", recent * cell_width, Ink::faint));
  std::string titles(name_width, ' ');
  for (const std::size_t cells : {std::size_t{3}, recent}) {
    for (const auto* title : {"p50", "p99", "max"}) {
      if (cells == 2 && std::string_view(title) == "max") continue;
      titles += page_.right(title, cell_width, Ink::faint);
    }
  }
  put(titles);
  for (std::size_t v = 0; v < stats::view_table.size(); ++v) put_view(v);
  put("");
}

void View::put_view(std::size_t view) {
  // The application's round trip stands there from the start, others once they have a value.
  if (view > 0 && !snapshot_.views[view]) return;
  const auto& second = snapshot_.last_second;
  put(page_.left(fmt::format("  {}", stats::view_table[view].label), name_width) +
      figures(snapshot_.views[view], 3) +
      figures(second ? second->views[view] : std::nullopt, recent_cells()));
}

/// All when there is room for all; else the largest, with a line left for the others.
std::vector<bool> View::shown_segments(std::size_t room) const {
  const auto& segments = snapshot_.segments;
  if (segments.size() <= room) return std::vector<bool>(segments.size(), true);
  std::vector<std::size_t> order(segments.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::ranges::stable_sort(
      order, [&](std::size_t a, std::size_t b) { return segments[a].share > segments[b].share; });
  std::vector<bool> shown(segments.size(), false);
  for (std::size_t i = 0; i + 1 < room; ++i) shown[order[i]] = true;
  return shown;
}

void View::put_segments() {
  const auto& segments = snapshot_.segments;
  if (segments.empty() || lines_.size() + 3 > rows_) return;
  const std::size_t before_numbers = place_width + segment_width() + bar_width();
  put(page_.left("where the time goes", before_numbers, Ink::strong) +
      page_.right("p50", cell_width, Ink::faint) + page_.right("share", share_width, Ink::faint));
  const auto shown = shown_segments(rows_ - lines_.size());
  double share_before = 0;
  double share_hidden = 0;
  std::string_view place;
  for (std::size_t i = 0; i < segments.size(); ++i) {
    const auto its = stats::place_of(segments[i].segment.kind);
    if (shown[i]) {
      put_segment(i, share_before, its != place);
      place = its;
    } else {
      share_hidden += segments[i].share;
    }
    share_before += std::max(segments[i].share, 0.0);
  }
  const auto hidden = static_cast<std::uint64_t>(std::ranges::count(shown, false));
  if (hidden == 0) return;
  put(page_.left(fmt::format("  {} more, smaller", hidden), before_numbers + cell_width,
                 Ink::faint) +
      page_.right(percent_text(share_hidden), share_width, Ink::faint));
}

void View::put_segment(std::size_t index, double share_before, bool new_place) {
  const auto& row = snapshot_.segments[index];
  const auto place = stats::place_of(row.segment.kind);
  std::string line =
      page_.left(new_place ? fmt::format("  {}", place) : std::string(), place_width) +
      page_.left(
          short_name(row.segment,
                     stats::uncertainty_ns(row.segment, {.active = {}, .clocks = snapshot_.clocks}),
                     segment_width() - 1, page_.utf8()),
          segment_width());
  // A waterfall: each bar begins where the time of those before it ends.
  const auto width = static_cast<double>(bar_width());
  const auto start = static_cast<std::size_t>(std::clamp(share_before * width, 0.0, width - 1));
  const auto room = bar_width() - start;
  line += std::string(start, ' ') + bar(row.share * width / static_cast<double>(room), room);
  line += page_.right(row.p50 ? duration_text(*row.p50) : "--", cell_width);
  put(line + page_.right(row.p50 ? percent_text(row.share) : "--", share_width));
}

}  // namespace

std::optional<double> live_share_done(const LiveRun& run, std::uint64_t sent, Duration elapsed) {
  std::optional<double> done;
  if (run.count > 0) done = static_cast<double>(sent) / static_cast<double>(run.count);
  if (run.duration > Duration::zero()) {
    const auto by_time =
        static_cast<double>(elapsed.count()) / static_cast<double>(run.duration.count());
    done = std::max(done.value_or(0), by_time);
  }
  if (done) done = std::clamp(*done, 0.0, 1.0);
  return done;
}

std::optional<Duration> live_time_left(const LiveRun& run, std::uint64_t sent, Duration elapsed) {
  std::optional<Duration> left;
  if (run.duration > Duration::zero()) left = run.duration - elapsed;
  if (run.count > 0 && sent > 0) {
    const auto missing = static_cast<double>(run.count - std::min(run.count, sent));
    constexpr double longest_ns = 9e18;
    const auto ns = static_cast<double>(elapsed.count()) * missing / static_cast<double>(sent);
    const auto by_count = Duration(static_cast<std::int64_t>(std::min(ns, longest_ns)));
    left = std::min(left.value_or(by_count), by_count);
  }
  if (left) left = std::max(*left, Duration::zero());
  return left;
}

std::vector<std::string> render_live(const LiveSnapshot& snapshot, const LiveRun& run,
                                     const LiveScreen& screen) {
  return View(snapshot, run, screen).lines();
}

}  // namespace netobs::report
