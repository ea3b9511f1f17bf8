#include "core/compare/rounds.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <span>
#include <utility>

#include "core/report/format.hpp"

namespace netobs::compare {
namespace {

std::set<std::string_view> worse_in(const Comparison& comparison) {
  std::set<std::string_view> names;
  for (const auto& each : comparison.metrics) {
    if (each.verdict == Verdict::worse) names.insert(each.name);
  }
  return names;
}

Measurement only(const Measurement& measurement, const std::set<std::string_view>& names) {
  Measurement kept{measurement.title, measurement.context, {}};
  std::ranges::copy_if(measurement.metrics, std::back_inserter(kept.metrics),
                       [&](const Metric& metric) { return names.contains(metric.name); });
  return kept;
}

Measurement joined(const Measurement& first, const Measurement& second, std::size_t first_count,
                   std::size_t second_count) {
  Measurement all = first;
  for (Metric& metric : all.metrics) {
    metric.values.resize(first_count);
    const auto found = std::ranges::find(second.metrics, metric.name, &Metric::name);
    if (found != second.metrics.end()) {
      metric.values.insert(metric.values.end(), found->values.begin(), found->values.end());
    }
    metric.values.resize(first_count + second_count);
  }
  return all;
}

std::string refuted_note(std::size_t suspected, std::size_t standing) {
  if (suspected == standing) {
    return fmt::format("{} looked worse at first and again in a second look.",
                       report::counted(suspected, "metric"));
  }
  return fmt::format("{} looked worse at first, {} again in a second look.",
                     report::counted(suspected, "metric"), standing);
}

std::vector<double> present(const Metric& metric) {
  std::vector<double> values;
  for (const auto& each : metric.values) {
    if (each) values.push_back(*each);
  }
  return values;
}

}  // namespace

void Rounds::append(Measurement& series, const Measurement& block) const {
  for (const Metric& metric : condensed(block).metrics) {
    auto found = std::ranges::find(series.metrics, metric.name, &Metric::name);
    if (found == series.metrics.end()) {
      if (series.metrics.size() == Measurement::most_metrics) continue;
      Metric fresh = metric;
      fresh.values.clear();
      series.metrics.push_back(std::move(fresh));
      found = std::prev(series.metrics.end());
    }
    found->values.resize(count_);
    found->values.push_back(metric.values.front());
  }
}

void Rounds::add(const Measurement& base, const Measurement& next) {
  if (base_.title.empty()) {
    base_.title = base.title;
    next_.title = next.title;
  }
  append(base_, base);
  append(next_, next);
  ++count_;
  for (auto* side : {&base_, &next_}) {
    for (Metric& metric : side->metrics) metric.values.resize(count_);
  }
}

bool precise_enough(const Rounds& rounds, const Settings& settings) {
  if (rounds.base().metrics.empty()) return false;
  const std::set<std::string_view> name{rounds.base().metrics.front().name};
  const auto comparison = compare(only(rounds.base(), name), only(rounds.next(), name), settings);
  if (comparison.metrics.empty()) return false;
  const MetricResult& first = comparison.metrics.front();
  if (!first.shift.interval) return false;
  return first.shift.interval->high - first.shift.interval->low <= 2 * first.threshold;
}

Comparison confirmed(const Rounds& first, const Rounds& second, const Settings& settings) {
  Comparison all = compare(first.base(), first.next(), settings);
  const auto suspected = worse_in(all);
  if (suspected.empty() || second.count() == 0) return all;
  const std::set<std::string> names(suspected.begin(), suspected.end());
  const auto again =
      compare(only(second.base(), suspected), only(second.next(), suspected), settings);
  const auto still = worse_in(again);
  const std::set<std::string> standing(still.begin(), still.end());
  all = compare(joined(first.base(), second.base(), first.count(), second.count()),
                joined(first.next(), second.next(), first.count(), second.count()), settings);
  for (auto& each : all.metrics) {
    if (each.verdict == Verdict::worse && !standing.contains(each.name)) {
      each.verdict = Verdict::not_enough_data;
    }
  }
  all.notes.push_back(refuted_note(names.size(), standing.size()));
  conclude(all);
  return all;
}

std::vector<std::string> steadiness_notes(const Measurement& base, const Settings& settings) {
  std::vector<std::string> notes;
  if (base.metrics.empty()) return notes;
  const Metric& metric = base.metrics.front();
  const auto values = present(metric);
  constexpr std::size_t least = 8;
  if (values.size() < least) return notes;
  const std::span<const double> all(values);
  const auto half = values.size() / 2;
  const Shift drift = independent_shift(all.first(half), all.last(half));
  const double level = std::abs(median(values));
  const double threshold = settings.of(metric.kind, metric.statistic).share * level;
  constexpr double sure = 0.01;
  if (drift.p_value < sure && std::abs(drift.estimate) > threshold) {
    notes.push_back(fmt::format(
        "The machine changed meanwhile: the base's own {} moved by {} from the first half of the "
        "session to the second. The sides took turns, so that the comparison holds.",
        metric.label, report::duration_text(std::abs(drift.estimate))));
  }
  auto sorted = values;
  std::ranges::sort(sorted);
  const double spread = sorted[3 * sorted.size() / 4] - sorted[sorted.size() / 4];
  constexpr double unsteady = 0.25;
  if (level > 0 && spread > unsteady * level) {
    notes.push_back(fmt::format(
        "Unsteady: half of the base's blocks lie {:.0f} % of their median apart. Something else "
        "uses the machine, or its clock frequency changes; a quiet one needs fewer rounds.",
        100 * spread / level));
  }
  return notes;
}

}  // namespace netobs::compare
