// Events per second through the correlator, beside the same in a std::unordered_map, taken in and
// closed in batches as the record thread does. Before anything is timed both have to give the same
// records, and those have to say what became of each probe.

#include "core/correlate/correlator.hpp"

#include <fmt/format.h>

#include <memory>
#include <vector>

#include "core/base/check.hpp"
#include "micro/core_units.hpp"
#include "micro/event_stream.hpp"
#include "micro/map_correlator.hpp"
#include "micro/micro.hpp"

namespace netobs::micro {
namespace {

constexpr std::size_t batch = 4096;

template <class Correlating, class Sink>
void run_stream(Correlating& correlator, const EventStream& stream, Sink&& sink) {
  for (std::size_t begin = 0; begin < stream.events.size(); begin += batch) {
    const auto end = std::min(begin + batch, stream.events.size());
    for (std::size_t i = begin; i < end; ++i) correlator.add(stream.events[i]);
    sink(correlator.close(stream.taken_at[end - 1]));
  }
  sink(correlator.finish());
}

template <class Correlating>
std::vector<ProbeRecord> records_of(const EventStream& stream) {
  Correlating correlator(stream.config);
  std::vector<ProbeRecord> records;
  run_stream(correlator, stream, [&](std::span<const ProbeRecord> closed) {
    records.insert(records.end(), closed.begin(), closed.end());
  });
  return records;
}

bool same(const ProbeRecord& a, const ProbeRecord& b) {
  return a.sequence == b.sequence && a.intended_ns == b.intended_ns &&
         a.send_error_ns == b.send_error_ns && a.outcome == b.outcome &&
         a.reflector_sequence == b.reflector_sequence && a.reply_count == b.reply_count &&
         a.reflector_ttl == b.reflector_ttl && a.reply_ttl == b.reply_ttl &&
         a.clock_stepped == b.clock_stepped && a.reordered == b.reordered && a.ns == b.ns &&
         a.reason == b.reason;
}

void check_against_truth(const EventStream& stream) {
  const auto ours = records_of<Correlator>(stream);
  const auto theirs = records_of<MapCorrelator>(stream);
  NETOBS_CHECK(ours.size() == stream.truth.size() && theirs.size() == ours.size(),
               "{} and {} records of {} probes", ours.size(), theirs.size(), stream.truth.size());
  for (std::size_t i = 0; i < ours.size(); ++i) {
    NETOBS_CHECK(ours[i].outcome == stream.truth[i], "probe {}: {} instead of {}", i,
                 name(ours[i].outcome), name(stream.truth[i]));
    NETOBS_CHECK(same(ours[i], theirs[i]), "the records of probe {} differ", i);
  }
}

template <class Correlating>
void correlate(benchmark::State& state, const StreamOptions& options, bool counting) {
  auto stream = make_stream(options);
  check_against_truth(stream);
  stream.config.reflector_counts = counting;
  for ([[maybe_unused]] auto _ : state) {
    state.PauseTiming();  // the window is made once per run, not per event
    auto correlator = std::make_unique<Correlating>(stream.config);
    state.ResumeTiming();
    run_stream(*correlator, stream, [](std::span<const ProbeRecord> closed) {
      benchmark::DoNotOptimize(closed.data());
      benchmark::ClobberMemory();
    });
    state.PauseTiming();
    correlator.reset();
    state.ResumeTiming();
  }
  count_items(state, stream.events.size());
}

template <class Correlating>
void add(const std::string& what, const StreamOptions& options, bool counting = false) {
  const auto how = fmt::format("{}{}", options.shuffled ? "shuffled" : "in_order",
                               options.losses ? "_with_losses" : "");
  benchmark::RegisterBenchmark(fmt::format("correlator/{}/{}", what, how).c_str(),
                               [options, counting](benchmark::State& state) {
                                 correlate<Correlating>(state, options, counting);
                               })
      ->Unit(benchmark::kMillisecond);
}

}  // namespace

void register_correlator() {
  for (const bool shuffled : {false, true}) {
    for (const bool losses : {false, true}) {
      const StreamOptions options{.shuffled = shuffled, .losses = losses};
      add<Correlator>("ours", options);
      add<MapCorrelator>("unordered_map", options);
    }
  }
  // What else a run may ask for: a reflector whose numbers tell which way losses went, and the
  // window of a slow run.
  add<Correlator>("counting_reflector", {.shuffled = true, .losses = true}, true);
  add<Correlator>("small_window", {.shuffled = true, .losses = true, .window = 4096});
}

}  // namespace netobs::micro
