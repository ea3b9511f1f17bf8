#include "app/gate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <random>
#include <utility>

#include "core/compare/rounds.hpp"
#include "core/report/clean_text.hpp"
#include "core/report/format.hpp"
#include "linux/os/child_process.hpp"
#include "linux/os/clock.hpp"

namespace netobs::app {
namespace {

using compare::Measurement;
using compare::Rounds;

std::string command_text(const std::vector<std::string>& command) {
  std::string text;
  for (const auto& word : command) text += (text.empty() ? "" : " ") + word;
  return report::clean_text(text);
}

Error block_failed(const std::vector<std::string>& command, const os::BoundedOutput& output,
                   Duration limit) {
  using End = os::BoundedOutput::End;
  Error error;
  error.what = "run " + command_text(command);
  switch (output.end) {
    case End::timed_out:
      error.cause = fmt::format("It did not end within {}.",
                                report::duration_text(static_cast<std::int64_t>(limit.count())));
      error.remedy = "Give it less to do, or raise --block-limit.";
      return error;
    case End::too_much:
      error.cause = "It writes more than 64 MiB.";
      return error;
    case End::stopped:
      error.cause = "It was stopped.";
      return error;
    case End::exited:
      break;
  }
  std::string lines = output.errors.substr(0, output.errors.find_last_not_of(" \r\n") + 1);
  std::ranges::replace(lines, '\n', ' ');
  lines = report::clean_text(lines);
  error.cause = fmt::format("It ended with status {}{}{}.", output.exit_status,
                            lines.empty() ? "" : ": ", lines);
  error.remedy = "Run it by itself first.";
  return error;
}

Measurement by_time(const std::vector<std::string>& command, Duration time) {
  Measurement measurement;
  measurement.title = command_text(command);
  measurement.metrics.push_back({"command.wall_time",
                                 "time of the whole command",
                                 "",
                                 compare::Kind::duration,
                                 compare::Statistic::whole,
                                 {static_cast<double>(time.count())}});
  return measurement;
}

class Session {
 public:
  Session(const GateOptions& options, RunControl& control)
      : options_(options), control_(control), random_(options.seed) {}

  Result<compare::Comparison> execute() {
    control_.enter("warming up");
    for (std::uint32_t i = 0; i < options_.warm_up_rounds && !stopped(); ++i) {
      NETOBS_TRY_VOID(round(nullptr));
    }
    Rounds first;
    NETOBS_TRY_VOID(look(first, "round", options_.least_rounds));
    auto outcome = compare::compare(first.base(), first.next(), options_.settings);
    if (outcome.verdict == compare::Verdict::worse && !stopped()) {
      Rounds second;
      const auto rounds = static_cast<std::uint32_t>(first.count());
      NETOBS_TRY_VOID(look(second, "second look, round", rounds));
      outcome = compare::confirmed(first, second, options_.settings);
    } else if (outcome.verdict == compare::Verdict::worse) {
      outcome.notes.emplace_back("Stopped before the second look: not confirmed.");
    }
    describe(outcome, first);
    return outcome;
  }

 private:
  [[nodiscard]] bool stopped() const { return control_.stop().load(); }

  Result<Measurement> block(const std::vector<std::string>& command) {
    constexpr std::size_t most_output = 64U << 20U;
    const auto began = os::monotonic_now();
    NETOBS_TRY(output, os::run_bounded(command, {.output_bytes = most_output,
                                                 .time = options_.block_limit,
                                                 .stop = &control_.abandon()}));
    const auto time = os::monotonic_now() - began;
    if (output.end != os::BoundedOutput::End::exited || output.exit_status != 0) {
      return fail(block_failed(command, output, options_.block_limit));
    }
    const auto start = output.text.find_first_not_of(" \t\r\n");
    if (start == std::string::npos || output.text[start] != '{') return by_time(command, time);
    NETOBS_TRY(measurement, compare::parse_measurement(output.text, command_text(command)));
    measurement.title = command_text(command);
    measurement.context.clear();
    return measurement;
  }

  /// Both commands, in an order that the seed decides.
  Result<void> round(Rounds* rounds) {
    std::array<Measurement, 2> measured;
    const bool swapped = (random_() & 1U) != 0;
    for (std::size_t i = 0; i < measured.size(); ++i) {
      const std::size_t side = swapped ? 1 - i : i;
      NETOBS_TRY(found, block(side == 0 ? options_.base : options_.next));
      measured[side] = std::move(found);
    }
    if (rounds != nullptr) rounds->add(measured[0], measured[1]);
    return {};
  }

  Result<void> look(Rounds& rounds, std::string_view what, std::uint32_t least) {
    const auto end = os::monotonic_now() + options_.budget;
    const auto most = std::max(least, options_.most_rounds);
    while (rounds.count() < most && !stopped()) {
      control_.enter(fmt::format("{} {} of {} to {}", what, rounds.count() + 1, least, most));
      NETOBS_TRY_VOID(round(&rounds));
      const bool over = os::monotonic_now() >= end;
      if (over || (rounds.count() >= least && compare::precise_enough(rounds, options_.settings)))
        break;
    }
    return {};
  }

  void describe(compare::Comparison& outcome, const Rounds& first) const {
    outcome.base_title = command_text(options_.base);
    outcome.new_title = command_text(options_.next);
    for (auto& note : compare::steadiness_notes(first.base(), options_.settings)) {
      outcome.notes.push_back(std::move(note));
    }
    const bool timed =
        !first.base().metrics.empty() && first.base().metrics.front().name == "command.wall_time";
    if (timed) {
      outcome.notes.emplace_back(
          "Judged by the time of the whole commands: they wrote no JSON on standard output. For "
          "the latency of netobs rtt add --json -.");
    }
    outcome.notes.push_back(fmt::format(
        "{} in the first look, {} dropped as warm-up, order by "
        "seed {}.",
        report::counted(first.count(), "round"), options_.warm_up_rounds, options_.seed));
  }

  const GateOptions& options_;
  RunControl& control_;
  std::mt19937_64 random_;
};

}  // namespace

Result<compare::Comparison> gate(const GateOptions& options, RunControl& control) {
  return Session(options, control).execute();
}

}  // namespace netobs::app
