#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "app/selftest/result.hpp"

namespace netobs::app::selftest {
namespace {

std::size_t order_of(std::size_t slot_index) {
  const auto* at = std::ranges::find(path_order, slot_index);
  return static_cast<std::size_t>(at - path_order.begin());
}

/// The measured segment that holds a stretch: its own, or a longer one where the points next to it
/// are missing.
std::optional<std::size_t> holder_of(const Stretch& stretch, const stats::Path& path) {
  for (std::size_t i = 0; i < path.segments.size(); ++i) {
    const auto& segment = path.segments[i];
    if (order_of(segment.from) <= order_of(stretch.from) &&
        order_of(stretch.to) <= order_of(segment.to)) {
      return i;
    }
  }
  return std::nullopt;
}

/// By segment, by delay.
using Samples = std::vector<std::vector<stats::DelayLevel>>;

Samples collect(const Place& place, const Injected& injected, const stats::Path& path,
                const DelayPlan& plan) {
  Samples samples(path.segments.size(), std::vector<stats::DelayLevel>(plan.delays().size()));
  const auto aside = place.aside ? holder_of(*place.aside, path) : std::nullopt;
  for (const auto& record : injected.block.records) {
    const auto entry = injected.account.of(record.sequence);
    if (!entry || record.outcome != Outcome::answered || record.clock_stepped) continue;
    for (std::size_t i = 0; i < path.segments.size(); ++i) {
      const auto length = stats::length_ns(path.segments[i], record);
      if (!length) continue;
      const auto own_ns = aside == i ? entry->aside_ns : 0;
      samples[i][entry->level].push_back({entry->injected_ns, *length - own_ns});
    }
  }
  return samples;
}

/// What the run says of itself, without looking at the delays.
void judge_records(PlaceResult& result, const stats::ViolationCounters& violations) {
  if (violations.causal_order > 0) {
    result.missed.push_back(fmt::format("{} of {} records are not in causal order",
                                        violations.causal_order, violations.order_checked));
  }
  if (violations.identity > 0) {
    result.missed.push_back(fmt::format("the segments of {} of {} records do not add up",
                                        violations.identity, violations.identity_checked));
  }
}

/// A line through a few probes says nothing of the others.
void judge_coverage(PlaceResult& result, const Samples& samples, const stats::Path& path,
                    std::size_t planned, const Bounds& bounds) {
  for (std::size_t i = 0; i < path.segments.size(); ++i) {
    std::size_t complete = 0;
    for (const auto& level : samples[i]) complete += level.size();
    if (static_cast<double>(complete) >= bounds.least_complete * static_cast<double>(planned)) {
      continue;
    }
    result.missed.push_back(fmt::format("{} of {} probes have a known delay and both ends of {}",
                                        complete, planned, path.segments[i].name));
  }
}

void judge(PlaceResult& result, const Bounds& bounds) {
  const auto miss = [&](std::string text) { result.missed.push_back(std::move(text)); };
  if (std::abs(result.fit.slope - 1) > bounds.slope_error) {
    miss(fmt::format("slope {:.4f} is not within 1 +- {}", result.fit.slope, bounds.slope_error));
  }
  for (const auto& row : result.leakage) {
    if (row.right && row.share < bounds.least_right_share) {
      miss(fmt::format("{} shows {:.1f} % of the delay", row.segment.name, row.share * 100));
    }
    if (!row.right && std::abs(row.share) > bounds.most_wrong_share) {
      miss(fmt::format("{:.1f} % of the delay shows up in {}", row.share * 100, row.segment.name));
    }
  }
}

}  // namespace

PlaceResult evaluate(const Place& place, const Injected& injected, const DelayPlan& plan,
                     const Bounds& bounds, std::uint64_t seed) {
  PlaceResult result;
  result.place = &place;
  if (!injected.block.failed.empty()) {
    result.missed.push_back("nothing was measured: " + injected.block.failed);
    return result;
  }
  const auto& path = injected.block.summary.path;
  const auto holder = holder_of(place.delayed, path);
  if (!holder) {
    result.skipped = "no segment that was measured here holds that place";
    return result;
  }
  result.right = path.segments[*holder];
  const auto samples = collect(place, injected, path, plan);
  judge_records(result, injected.block.summary.document.violations);
  judge_coverage(result, samples, path, plan.probe_count(), bounds);
  for (std::size_t level = 0; level < plan.delays().size(); ++level) {
    const auto& probes = samples[*holder][level];
    if (probes.empty()) continue;
    const auto pair = stats::medians(probes);
    result.levels.push_back(
        {plan.delays()[level].count(), probes.size(), pair.injected_ns, pair.measured_ns});
    result.probes += probes.size();
  }
  const stats::FitOptions options{.least_injected_ns = bounds.least_delay_ns * 9 / 10,
                                  .seed = seed};
  const auto fit = stats::fit_line(samples[*holder], options);
  if (!fit) {
    result.missed.emplace_back("too few probes came back complete to fit a line");
    return result;
  }
  result.fit = *fit;
  for (std::size_t i = 0; i < path.segments.size(); ++i) {
    const auto share = stats::fit_line(samples[i], options);
    if (!share) continue;
    result.leakage.push_back({path.segments[i], i == *holder, share->slope});
  }
  judge(result, bounds);
  return result;
}

bool SelftestResult::passed() const {
  const bool places_good =
      std::ranges::all_of(places, [](const auto& p) { return p.missed.empty(); });
  const bool counts_exact = std::ranges::all_of(counts, [](const auto& c) { return c.passed(); });
  const bool checks_good =
      std::ranges::all_of(checks, [](const auto& c) { return !c.skipped.empty() || c.passed(); });
  const bool anything =
      std::ranges::any_of(places, [](const auto& p) { return p.skipped.empty(); });
  return !interrupted && anything && places_good && counts_exact && checks_good;
}

}  // namespace netobs::app::selftest
