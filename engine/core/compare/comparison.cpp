#include "core/compare/comparison.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>
#include <utility>

#include "core/report/format.hpp"

namespace netobs::compare {
namespace {

constexpr std::array<std::string_view, 4> verdict_names{"same", "better", "worse",
                                                        "not_enough_data"};
constexpr std::array<Kind, 4> kinds{Kind::round_trip, Kind::segment, Kind::loss, Kind::duration};

struct Samples {
  std::vector<double> base;
  std::vector<double> next;
};

std::vector<double> present(const std::vector<std::optional<double>>& values) {
  std::vector<double> kept;
  for (const auto& value : values) {
    if (value) kept.push_back(*value);
  }
  return kept;
}

Samples samples_of(const Metric& base, const Metric& next, Design design) {
  if (design == Design::independent) return {present(base.values), present(next.values)};
  Samples pairs;
  for (std::size_t i = 0; i < std::min(base.values.size(), next.values.size()); ++i) {
    if (!base.values[i] || !next.values[i]) continue;
    pairs.base.push_back(*base.values[i]);
    pairs.next.push_back(*next.values[i]);
  }
  return pairs;
}

MetricResult measure(const Metric& base, const Metric& next, const Settings& settings) {
  const Samples samples = samples_of(base, next, settings.design);
  MetricResult result;
  result.name = base.name;
  result.label = base.label;
  result.place = base.place;
  result.kind = base.kind;
  result.statistic = base.statistic;
  result.base_blocks = samples.base.size();
  result.new_blocks = samples.next.size();
  result.base = median(samples.base);
  result.next = median(samples.next);
  result.shift = settings.design == Design::paired ? paired_shift(samples.base, samples.next)
                                                   : independent_shift(samples.base, samples.next);
  result.p_adjusted = result.shift.p_value;
  const Thresholds& limits = settings.of(result.kind, result.statistic);
  result.threshold = std::max(limits.share * std::abs(result.base), limits.absolute);
  return result;
}

void correct_within_kinds(std::vector<MetricResult>& metrics) {
  for (const Kind kind : kinds) {
    std::vector<double> p_values;
    for (const auto& each : metrics) {
      if (each.kind == kind) p_values.push_back(each.shift.p_value);
    }
    const auto adjusted = holm(p_values);
    auto next = adjusted.begin();
    for (auto& each : metrics) {
      if (each.kind == kind) each.p_adjusted = *next++;
    }
  }
}

Verdict judge(const MetricResult& result, double alpha) {
  if (!result.shift.interval) return Verdict::not_enough_data;
  const auto& [low, high] = *result.shift.interval;
  const double size = std::abs(result.shift.estimate);
  const bool real = result.p_adjusted < alpha && (low > 0 || high < 0);
  if (real && size > result.threshold) {
    return result.shift.estimate > 0 ? Verdict::worse : Verdict::better;
  }
  const bool small = low >= -result.threshold && high <= result.threshold;
  return small ? Verdict::same : Verdict::not_enough_data;
}

auto rank_of(const MetricResult& result) {
  return std::tuple(result.kind, result.statistic);
}

std::string change_text(const MetricResult& result) {
  const double change = result.shift.estimate;
  if (result.kind == Kind::loss) {
    return fmt::format("{} by {:.2f} points of a per cent", change > 0 ? "rose" : "fell",
                       std::abs(change) * 100);
  }
  auto text = fmt::format("{} by {}", change > 0 ? "rose" : "fell",
                          report::duration_text(std::abs(change)));
  if (const auto pct = result.change_pct()) {
    text += fmt::format(" ({:+.1f} %", *pct);
    if (const auto range = result.interval_pct()) {
      text += fmt::format(", 95 % sure: {:+.1f} to {:+.1f} %", range->low, range->high);
    }
    text += ")";
  }
  return text;
}

std::string subject(const MetricResult& result) {
  const auto of = [&](std::string_view what) {
    const auto part = name(result.statistic);
    return part.empty() ? std::string(what) : fmt::format("{} of {}", part, what);
  };
  switch (result.kind) {
    case Kind::round_trip:
      return of("the round trip (" + result.label + ")");
    case Kind::segment:
      return of(fmt::format("\"{}\" ({})", result.label, result.place));
    case Kind::loss:
      return "the share of lost probes";
    case Kind::duration:
      break;
  }
  return of(result.label);
}

std::string_view opening(Verdict verdict) {
  switch (verdict) {
    case Verdict::same:
      return "Same: nothing changed by more than its threshold, as far as the data tell.";
    case Verdict::better:
      return "Better: ";
    case Verdict::worse:
      return "Worse: ";
    case Verdict::not_enough_data:
      break;
  }
  return "Not enough data: ";
}

std::string unsure_text(const Comparison& comparison) {
  if (comparison.metrics.empty()) return "the two have no metric in common.";
  const MetricResult& first = comparison.metrics.front();
  if (!first.shift.interval) {
    return fmt::format("{} and {} blocks are too few to tell. Measure longer.", first.base_blocks,
                       first.new_blocks);
  }
  const bool time = first.kind != Kind::loss;
  if (std::abs(first.shift.estimate) > first.threshold &&
      first.p_adjusted >= comparison.settings.alpha) {
    return fmt::format(
        "{} {}, but with this many blocks it may be chance (p {:.2g} among {}). "
        "Measure longer.",
        subject(first), change_text(first), first.p_adjusted,
        report::counted(comparison.metrics.size(), "metric"));
  }
  const auto& range = *first.shift.interval;
  const auto text = [&](double value) {
    return time ? report::duration_text(value) : fmt::format("{:.2f} %", value * 100);
  };
  return fmt::format("{} may have changed by {} to {}, where {} would matter. Measure longer.",
                     subject(first), text(range.low), text(range.high), text(first.threshold));
}

}  // namespace

std::string_view name(Verdict verdict) {
  return verdict_names[static_cast<std::size_t>(verdict)];
}

std::string_view name(Design design) {
  return design == Design::paired ? "paired" : "independent";
}

const Thresholds& Settings::of(Kind kind, Statistic statistic) const {
  if (kind == Kind::loss) return loss;
  if (kind == Kind::duration) return duration;
  switch (statistic) {
    case Statistic::p90:
      return p90;
    case Statistic::p99:
      return p99;
    case Statistic::p50:
    case Statistic::whole:
      break;
  }
  return p50;
}

void Settings::set_share(double share) {
  const double factor = share / p50.share;
  for (auto* each : {&p50, &p90, &p99, &duration}) each->share *= factor;
}

void Settings::set_absolute(double nanoseconds) {
  const double factor = nanoseconds / p50.absolute;
  for (auto* each : {&p50, &p90, &p99}) each->absolute *= factor;
}

std::optional<double> MetricResult::change_pct() const {
  if (kind == Kind::loss || base <= 0) return std::nullopt;
  return shift.estimate / base * 100;
}

std::optional<Range> MetricResult::interval_pct() const {
  if (kind == Kind::loss || base <= 0 || !shift.interval) return std::nullopt;
  return Range{shift.interval->low / base * 100, shift.interval->high / base * 100};
}

const MetricResult* Comparison::headline() const {
  const MetricResult* found = nullptr;
  for (const auto& each : metrics) {
    if (each.verdict != verdict) continue;
    if (found == nullptr || rank_of(each) < rank_of(*found)) found = &each;
  }
  return verdict == Verdict::worse || verdict == Verdict::better ? found : nullptr;
}

const MetricResult* Comparison::culprit() const {
  if (verdict != Verdict::worse && verdict != Verdict::better) return nullptr;
  const MetricResult* found = nullptr;
  for (const auto& each : metrics) {
    if (each.kind != Kind::segment || each.verdict != verdict) continue;
    const auto rank = [](const MetricResult& result) {
      return std::tuple(result.statistic, -std::abs(result.shift.estimate));
    };
    if (found == nullptr || rank(each) < rank(*found)) found = &each;
  }
  return found;
}

Comparison compare(const Measurement& base, const Measurement& next, const Settings& settings) {
  Comparison comparison;
  comparison.settings = settings;
  comparison.base_title = base.title;
  comparison.new_title = next.title;
  std::map<std::string_view, const Metric*> others;
  for (const Metric& metric : next.metrics) others.emplace(metric.name, &metric);
  std::size_t alone = 0;
  for (const Metric& metric : base.metrics) {
    const auto other = others.find(metric.name);
    if (other == others.end()) {
      ++alone;
      continue;
    }
    comparison.metrics.push_back(measure(metric, *other->second, settings));
    others.erase(other);
  }
  if (alone + others.size() > 0) {
    comparison.notes.push_back(fmt::format(
        "{} of the base and {} of the new one have no counterpart: the points that were "
        "measured differ. Take the same --layers for both.",
        report::counted(alone, "metric"), others.size()));
  }
  if (base.context != next.context) {
    comparison.notes.push_back(
        fmt::format("Not measured alike: {} against {}.", base.context, next.context));
  }
  correct_within_kinds(comparison.metrics);
  for (auto& each : comparison.metrics) each.verdict = judge(each, settings.alpha);
  conclude(comparison);
  return comparison;
}

void conclude(Comparison& comparison) {
  const auto any = [&](Verdict verdict) {
    return std::ranges::any_of(comparison.metrics,
                               [&](const auto& each) { return each.verdict == verdict; });
  };
  if (any(Verdict::worse)) {
    comparison.verdict = Verdict::worse;
  } else if (comparison.metrics.empty() ||
             comparison.metrics.front().verdict == Verdict::not_enough_data) {
    comparison.verdict = Verdict::not_enough_data;
  } else {
    comparison.verdict = any(Verdict::better) ? Verdict::better : Verdict::same;
  }
}

std::string sentence(const Comparison& comparison) {
  std::string text(opening(comparison.verdict));
  if (comparison.verdict == Verdict::not_enough_data) return text + unsure_text(comparison);
  const MetricResult* first = comparison.headline();
  if (first == nullptr) return text;
  text += fmt::format("{} {}.", subject(*first), change_text(*first));
  const MetricResult* segment = comparison.culprit();
  if (segment != nullptr && segment != first) {
    text += fmt::format(" Where: {} {}.", subject(*segment), change_text(*segment));
  }
  return text;
}

}  // namespace netobs::compare
