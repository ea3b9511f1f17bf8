#include "app/compare_transports.hpp"

#include <fmt/format.h>

#include <future>
#include <thread>
#include <utility>

#include "app/measure.hpp"
#include "core/stats/view.hpp"

namespace netobs::app {
namespace {

std::string environment_text(const report::RunDocument& document, std::string_view key) {
  for (const auto& entry : document.environment) {
    const auto* text = std::get_if<std::string>(&entry.value);
    if (entry.key == key && text != nullptr) return *text;
  }
  return "";
}

/// A run on a thread of its own, as measure() wants it.
Result<report::Summary> measure_apart(const RunConfig& config, RunControl& control) {
  std::packaged_task<Result<report::Summary>()> task([&] { return measure(config, control); });
  auto outcome = task.get_future();
  std::thread runner(std::move(task));
  runner.join();
  return outcome.get();
}

class Comparison {
 public:
  Comparison(const CompareOptions& options, RunControl& control)
      : options_(options), control_(control) {
    for (const auto& kind : transport_table()) {
      report::TransportFigures figures;
      figures.name = kind.name;
      found_.transports.push_back(std::move(figures));
    }
    found_.probes_per_block = options.run.count;
  }

  Result<report::TransportComparison> run() {
    const auto count = found_.transports.size();
    for (std::uint32_t round = 0; round < options_.rounds && !control_.stop(); ++round) {
      for (std::size_t turn = 0; turn < count; ++turn) {
        auto& figures = found_.transports[(round + turn) % count];
        figures.block_p50_ns.emplace_back();
        if (!control_.stop()) measure_block(figures, round);
      }
      ++found_.rounds;
    }
    for (const auto& each : found_.transports) {
      if (!each.rtt.empty()) return std::move(found_);
    }
    return fail(found_.transports.front().failure.value_or(
        Error{.what = "compare transports", .cause = "It was stopped.", .remedy = ""}));
  }

 private:
  void measure_block(report::TransportFigures& figures, std::uint32_t round) {
    // What cannot be had the first time is not asked for again.
    if (figures.failure && figures.rtt.empty()) return;
    control_.begin_part(
        fmt::format("round {} of {}, {}", round + 1, options_.rounds, figures.name));
    RunConfig config = options_.run;
    config.transport = figures.name;
    config.keep_store = false;
    stats::Distribution block;
    config.taps.records = [&](std::span<const ProbeRecord> records) {
      for (const auto& record : records) {
        figures.add(record);
        if (record.outcome != Outcome::answered) continue;
        if (const auto ns = stats::rtt_ns(record, stats::view_table[0])) block.add(*ns);
      }
    };
    auto summary = measure_apart(config, control_);
    if (!summary) {
      figures.failure = std::move(summary).error();
      return;
    }
    const auto& document = summary->document;
    figures.violations += document.violations.causal_order + document.violations.identity;
    figures.block_p50_ns.back() = block.quantile(stats::p50);
    figures.description = environment_text(document, "transport");
    found_.target = document.run.target;
    found_.link = document.run.link;
    found_.reflector = environment_text(document, "reflector");
  }

  const CompareOptions& options_;
  RunControl& control_;
  report::TransportComparison found_;
};

}  // namespace

Result<report::TransportComparison> compare_transports(const CompareOptions& options,
                                                       RunControl& control) {
  return Comparison(options, control).run();
}

}  // namespace netobs::app
