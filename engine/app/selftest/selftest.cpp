#include "app/selftest/selftest.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "app/selftest/counts.hpp"
#include "app/selftest/cross_checks.hpp"
#include "linux/lab/cabled_loop.hpp"
#include "linux/os/cpu_use.hpp"
#include "linux/os/host_facts.hpp"

namespace netobs::app::selftest {
namespace {

std::string describe_machine(const Setup& setup) {
  const auto host = os::read_host_facts();
  const std::string how = setup.has_two_cpus()
                              ? fmt::format("sender on CPU {}, reflector on CPU {}",
                                            *setup.sender_cpu, *setup.reflector_cpu)
                              : "sender and reflector on one CPU";
  return fmt::format("Linux {}, {} transport, {}", host.kernel, setup.transport, how);
}

class Selftest {
 public:
  Selftest(const SelftestOptions& options, RunControl& control)
      : options_(options),
        control_(control),
        plan_(options.delays, options.probes_per_delay, options.seed) {}

  Result<SelftestResult> run();

 private:
  [[nodiscard]] bool stopped() const { return control_.stop().load(std::memory_order_relaxed); }
  void measure_places();
  [[nodiscard]] PlaceResult measure_place(const Place& place);
  void count();
  void compare();

  const SelftestOptions& options_;
  RunControl& control_;
  DelayPlan plan_;
  std::optional<lab::CabledLoop> loop_;
  std::optional<Hosts> cabled_;
  SelftestResult result_;
};

PlaceResult Selftest::measure_place(const Place& place) {
  PlaceResult skipped;
  skipped.place = &place;
  if (place.needs_lab && cabled_) {
    skipped.skipped = "nothing can be put between two real interfaces";
    return skipped;
  }
  const Bench bench{options_.setup, cabled_ ? &*cabled_ : nullptr, plan_, control_};
  PlaceResult result;
  // What other programs do to this one is there once; a fault of the tool comes back every time.
  constexpr unsigned most_looks = 2;
  for (unsigned looks = 1; looks <= most_looks && !stopped(); ++looks) {
    const auto injected = place.measure(bench);
    if (!injected) {
      skipped.skipped = injected.error().message();
      return skipped;
    }
    auto earlier = std::move(result.missed);
    result = evaluate(place, *injected, plan_, result_.bounds, options_.seed);
    result.looks = looks;
    result.missed_before = std::move(earlier);
    if (result.missed.empty()) break;
  }
  return result;
}

void Selftest::measure_places() {
  std::size_t number = 0;
  for (const auto& place : place_table()) {
    if (stopped()) return;
    control_.begin_part(fmt::format("{} of {}, {}", ++number, place_table().size(), place.label));
    auto row = measure_place(place);
    // A run that was cut short is no measurement of anything.
    if (!stopped()) result_.places.push_back(std::move(row));
  }
}

void Selftest::count() {
  if (stopped()) return;
  if (cabled_) {
    result_.counts_skipped = "nothing can be put between two real interfaces";
    return;
  }
  control_.begin_part("loss, duplicates, reordering");
  auto rows = compare_counts(options_.setup, control_);
  if (stopped()) return;
  if (rows) {
    result_.counts = std::move(*rows);
  } else {
    result_.counts_skipped = rows.error().message();
  }
}

void Selftest::compare() {
  if (stopped()) return;
  control_.begin_part("other instruments");
  auto checks = compare_instruments(options_.setup, cabled_ ? &*cabled_ : nullptr, control_);
  if (stopped()) return;
  if (checks) {
    result_.checks = std::move(*checks);
  } else {
    result_.checks.push_back(
        {.key = "pcap", .label = "other instruments", .skipped = checks.error().message()});
  }
}

Result<SelftestResult> Selftest::run() {
  if (options_.interfaces) {
    NETOBS_TRY(loop,
               lab::CabledLoop::take(options_.interfaces->first, options_.interfaces->second));
    loop_.emplace(std::move(loop));
    cabled_ = Hosts{&loop_->sender_side(), &loop_->reflector_side(), options_.interfaces->first,
                    options_.interfaces->second};
  }
  result_.environment = describe_machine(options_.setup);
  result_.seed = options_.seed;
  for (const auto delay : options_.delays) result_.delays_ns.push_back(delay.count());
  const auto before = os::CpuUse::now();
  measure_places();
  count();
  compare();
  result_.used_by_others = os::CpuUse::now().others_share_since(before);
  result_.interrupted = stopped();
  const bool nothing =
      std::ranges::all_of(result_.places, [](const auto& row) { return !row.skipped.empty(); });
  if (nothing && !result_.interrupted) {
    return fail({.what = "measure any place: " + result_.places.front().skipped,
                 .sys_errno = 0,
                 .cause = "",
                 .remedy = ""});
  }
  return std::move(result_);
}

}  // namespace

Result<SelftestResult> run_selftest(const SelftestOptions& options, RunControl& control) {
  return Selftest(options, control).run();
}

}  // namespace netobs::app::selftest
