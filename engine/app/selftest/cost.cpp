#include "app/selftest/cost.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <random>
#include <utility>

#include "core/report/format.hpp"
#include "linux/lab/veth_lab.hpp"
#include "linux/os/clock.hpp"
#include "linux/os/host_facts.hpp"

namespace netobs::app::selftest {
namespace {

constexpr std::uint32_t payload_bytes = 256;  // the same packet, whatever is switched on

/// The layers that are on in a block, besides the application's.
struct Variant {
  std::string_view layers;
  std::vector<Layer> on;
};

std::vector<Variant> variants() {
  return {{"app", {}},
          {"app, kernel", {Layer::kernel}},
          {"app, tc", {Layer::tc}},
          {"app, socket", {Layer::socket}},
          {"app, trace", {Layer::trace}},
          {"app, pcap", {Layer::pcap}},
          {"app, kernel, tc", {Layer::kernel, Layer::tc}},
          {"all", {Layer::kernel, Layer::tc, Layer::socket, Layer::trace}}};
}

LayerSelection selection_of(const Variant& variant) {
  LayerSelection selection;
  selection.wanted[index(Layer::app)] = true;
  for (const auto layer : variant.on) selection.wanted[index(layer)] = true;
  selection.text = variant.layers;
  return selection;
}

struct BlockFigures {
  std::int64_t p50_ns = 0;
  std::int64_t p99_ns = 0;
};

/// What one variant gave, a value per round.
struct Series {
  std::vector<BlockFigures> rounds;
  unsigned points = 0;
  std::string skipped;
};

RoundMedian round_median(std::vector<double> values) {
  std::ranges::sort(values);
  RoundMedian result;
  const auto count = values.size();
  result.median_ns = (values[(count - 1) / 2] + values[count / 2]) / 2;
  if (const auto ranks = stats::confidence_ranks(count, stats::p50)) {
    result.confidence = {static_cast<std::int64_t>(values[ranks->low - 1]),
                         static_cast<std::int64_t>(values[ranks->high - 1])};
  }
  return result;
}

class CostRun {
 public:
  CostRun(const CostOptions& options, RunControl& control)
      : options_(options), control_(control), series_(variants_.size()) {}

  Result<CostResult> run();

 private:
  [[nodiscard]] bool stopped() const { return control_.stop().load(std::memory_order_relaxed); }
  [[nodiscard]] Result<void> measure_round(const Hosts& hosts, std::mt19937_64& random);
  [[nodiscard]] Result<void> measure_block(const Hosts& hosts, std::size_t variant);
  [[nodiscard]] LayerCost cost_of(std::size_t variant) const;
  [[nodiscard]] RoundMedian base(std::int64_t BlockFigures::* figure) const;

  const CostOptions& options_;
  RunControl& control_;
  std::vector<Variant> variants_ = variants();
  std::vector<Series> series_;
};

/// Why a layer of the variant gave nothing; empty when each did.
std::string missing_layer(const Variant& variant, const report::Summary& summary) {
  for (const auto layer : variant.on) {
    bool any = false;
    for (std::size_t i = 0; i < slot_count; ++i) {
      any = any || (info(slot_point(i)).layer == layer && summary.ledger.at(i).captured > 0);
    }
    if (!any) return fmt::format("the layer {} cannot be measured here", name(layer));
  }
  return {};
}

Result<void> CostRun::measure_block(const Hosts& hosts, std::size_t variant) {
  auto plan = plan_block(hosts, options_.setup, options_.probes, std::chrono::milliseconds(1));
  plan.run.schedule.kind = ScheduleKind::ping_pong;
  // A wake-up would hide what a layer costs.
  if (options_.setup.has_two_cpus()) plan.run.wait = plan.reflector.wait = WaitMode::spin;
  plan.run.size_bytes = payload_bytes;
  plan.run.layers = selection_of(variants_[variant]);
  plan.reflector.layers = plan.run.layers;
  NETOBS_TRY(block, run_block(plan, control_));
  if (!block.failed.empty()) {
    return fail({.what = "measure a block: " + block.failed, .cause = "", .remedy = ""});
  }
  auto& series = series_[variant];
  series.skipped = missing_layer(variants_[variant], block.summary);
  const auto& figures = block.summary.rtt[0];
  if (!figures || !figures->p50() || !figures->p99()) {
    return fail({.what = "measure a block: too few answers", .cause = "", .remedy = ""});
  }
  series.rounds.push_back({*figures->p50(), *figures->p99()});
  series.points = 0;
  for (std::size_t i = 0; i < slot_count; ++i) {
    if (block.summary.ledger.at(i).captured > 0) ++series.points;
  }
  return {};
}

Result<void> CostRun::measure_round(const Hosts& hosts, std::mt19937_64& random) {
  std::vector<std::size_t> order;
  order.reserve(variants_.size());
  for (std::size_t i = 0; i < variants_.size(); ++i) order.push_back(i);
  for (std::size_t left = order.size(); left > 1; --left) {
    std::swap(order[left - 1], order[random() % left]);
  }
  for (const auto variant : order) {
    if (stopped()) return {};
    if (series_[variant].skipped.empty()) NETOBS_TRY_VOID(measure_block(hosts, variant));
  }
  return {};
}

RoundMedian CostRun::base(std::int64_t BlockFigures::* figure) const {
  std::vector<double> values;
  for (const auto& round : series_.front().rounds) {
    values.push_back(static_cast<double>(round.*figure));
  }
  return round_median(std::move(values));
}

LayerCost CostRun::cost_of(std::size_t variant) const {
  LayerCost cost;
  cost.layers = variants_[variant].layers;
  const auto& series = series_[variant];
  cost.skipped = series.skipped;
  cost.points = series.points;
  const auto& base = series_.front().rounds;
  const auto shift = [&](std::int64_t BlockFigures::* figure) {
    std::vector<double> values;
    for (std::size_t i = 0; i < std::min(base.size(), series.rounds.size()); ++i) {
      values.push_back(static_cast<double>(series.rounds[i].*figure - base[i].*figure));
    }
    return round_median(std::move(values));
  };
  if (cost.skipped.empty() && !series.rounds.empty()) {
    cost.p50 = shift(&BlockFigures::p50_ns);
    cost.p99 = shift(&BlockFigures::p99_ns);
  }
  return cost;
}

std::pair<std::int64_t, std::int64_t> clock_floor() {
  constexpr int pairs = 100'000;
  stats::Distribution apart;
  for (int i = 0; i < pairs; ++i) {
    const auto first = os::realtime_now();
    const auto second = os::realtime_now();
    apart.add((second - first).count());
  }
  return {*apart.quantile(stats::p50), *apart.quantile(stats::p99)};
}

Result<CostResult> CostRun::run() {
  NETOBS_TRY(lab, lab::VethLab::create());
  const Hosts hosts{&lab.sender_side(), &lab.reflector_side(), lab::VethLab::sender_interface,
                    lab::VethLab::reflector_interface};
  std::mt19937_64 random(options_.seed);
  std::size_t rounds = 0;
  for (; rounds < options_.rounds && !stopped(); ++rounds) {
    control_.begin_part(fmt::format("round {} of {}", rounds + 1, options_.rounds));
    NETOBS_TRY_VOID(measure_round(hosts, random));
  }
  CostResult result;
  result.interrupted = stopped();
  if (result.interrupted) return result;
  result.environment = fmt::format(
      "Linux {}, {} transport, {}", os::read_host_facts().kernel, options_.setup.transport,
      options_.setup.has_two_cpus() ? "spinning on two CPUs" : "waiting, on one CPU");
  result.seed = options_.seed;
  result.rounds = rounds;
  result.probes = options_.probes;
  std::tie(result.floor_p50_ns, result.floor_p99_ns) = clock_floor();
  result.base_p50 = base(&BlockFigures::p50_ns);
  result.base_p99 = base(&BlockFigures::p99_ns);
  for (std::size_t i = 1; i < variants_.size(); ++i) result.layers.push_back(cost_of(i));
  return result;
}

}  // namespace

Result<CostResult> measure_cost(const CostOptions& options, RunControl& control) {
  return CostRun(options, control).run();
}

}  // namespace netobs::app::selftest
