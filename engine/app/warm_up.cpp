#include "app/warm_up.hpp"

#include <algorithm>
#include <atomic>

#include "app/sender_loop.hpp"
#include "core/correlate/correlator.hpp"
#include "core/session/disguise.hpp"

namespace netobs::app {
namespace {

constexpr Duration longest = std::chrono::milliseconds(2500);
constexpr Duration longest_round_trip = std::chrono::milliseconds(800);
/// Warm-up numbers stay clear of the measured ones: a late transmit timestamp of the warm-up must
/// not find a measured probe.
constexpr std::uint64_t first_sequence = 0x8000'0000;
constexpr std::uint16_t ssid_bit = 0x8000;

/// Correlates what the loop observed; every point may have delivered.
void count_captured(ObservationQueue& observations, Duration timeout, WarmUp& result) {
  CorrelatorConfig config;
  config.window = 1024;
  config.timeout = timeout;
  Correlator correlator(config);
  std::array<Observation, 256> batch{};
  while (const auto count = observations.pop(batch)) {
    for (std::size_t i = 0; i < count; ++i) correlator.add(batch[i]);
  }
  for (const auto& record : correlator.finish()) {
    if (record.reply_count > 0) ++result.replies;
    for (std::size_t i = 0; i < slot_count; ++i) {
      if (record.reason[i] == Reason::captured) ++result.captured[i];
    }
  }
}

}  // namespace

Result<WarmUp> warm_up(SenderConfig config, Transport& transport, HookSource* hooks,
                       const RunControl& control, WaitMode wait, std::uint64_t probes) {
  config.schedule.kind = ScheduleKind::ping_pong;
  config.count = probes;
  config.duration = longest;
  config.timeout = std::min(config.timeout, longest_round_trip);
  const bool disguised = config.first_sequence == disguised_first_sequence;
  config.first_sequence = disguised ? disguised_warm_up_sequence : first_sequence;
  config.ssid = config.ssid | ssid_bit;
  config.max_drain_probes = 4;
  config.measured = false;
  constexpr std::size_t queue_capacity = 1U << 15U;
  ObservationQueue observations(queue_capacity);
  const auto timeout = config.timeout;
  NETOBS_TRY(sender, Sender::make(std::move(config), observations));
  // Nobody closes records meanwhile: the drain runs its full, short course.
  const std::atomic<std::uint64_t> closed{0};
  SenderLoop loop({transport, hooks, sender, observations, closed, control}, wait);
  loop.run();
  WarmUp result;
  count_captured(observations, timeout, result);
  result.reflector = sender.reflector();
  result.counters = sender.counters();
  result.last_errno = sender.counters().last_send_errno;
  return result;
}

}  // namespace netobs::app
