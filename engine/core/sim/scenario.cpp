#include "core/sim/scenario.hpp"

#include <fmt/format.h>

#include "core/sim/random.hpp"

namespace netobs::sim {
namespace {

constexpr std::int64_t us = 1'000;
constexpr std::int64_t ms = 1'000'000;

// Most troubles are absent from most runs, so that each is also seen alone.
std::uint32_t trouble(Random& random, std::uint32_t most_ppm) {
  if (random.chance(650'000)) return 0;
  return static_cast<std::uint32_t>(random.between(1, most_ppm));
}

PointSet random_points(Random& random) {
  PointSet points = points_of(Layer::app);
  const bool everything = random.chance(400'000);
  for (const auto& row : layer_table) {
    if (row.layer == Layer::xdp) continue;  // the simulated hosts use the kernel's path
    if (everything || random.chance(500'000)) points = points | points_of(row.layer);
  }
  if (!everything && random.chance(200'000)) {
    points.remove(static_cast<Point>(random.between(1, 10)));
  }
  return points;
}

LinkConfig random_link(Random& random, std::int64_t run_ns) {
  LinkConfig link;
  link.delay_ns = random.chance(500'000) ? random.between(1 * us, 50 * us) : random.between(0, ms);
  link.jitter_ns = random.chance(300'000) ? 0 : random.between(1, 100 * us);
  link.lost_ppm = trouble(random, random.chance(200'000) ? 600'000 : 100'000);
  link.duplicated_ppm = trouble(random, 100'000);
  link.reordered_ppm = trouble(random, 100'000);
  link.held_back_ns = random.between(50 * us, 5 * ms);
  if (random.chance(100'000)) {
    link.outage_at_ns = random.between(0, run_ns);
    link.outage_ns = random.between(1, run_ns / 2 + 1);
  }
  return link;
}

HostConfig random_host(Random& random) {
  HostConfig host;
  host.points = random_points(random);
  host.withheld_ppm = trouble(random, 200'000);
  host.late_ppm = trouble(random, 200'000);
  host.latest_ns =
      random.chance(800'000) ? random.between(1, 30 * ms) : random.between(1, 500 * ms);
  host.dropped_inside_ppm = trouble(random, 30'000);
  host.longest_step_ns = random.between(1, 5 * us);
  host.stall_ppm = trouble(random, 20'000);
  host.longest_stall_ns = random.between(10 * us, 5 * ms);
  return host;
}

void draw_clocks(Random& random, Scenario& scenario, std::int64_t run_ns) {
  if (random.chance(500'000)) return;  // one machine
  for (auto* host : {&scenario.sender, &scenario.reflector}) {
    if (random.chance(300'000)) continue;
    host->clock.offset_ns = random.between(-10'000'000'000, 10'000'000'000);
    host->clock.drift_ppb = random.between(-200'000, 200'000);
  }
  if (random.chance(200'000)) {
    scenario.sender.clock.step_at_ns = random.between(0, run_ns);
    const bool back = random.chance(500'000);
    scenario.sender.clock.step_ns = random.between(ms, 5'000 * ms) * (back ? -1 : 1);
  }
}

void draw_protocol(Random& random, Scenario& scenario) {
  scenario.authenticated = random.chance(150'000);
  scenario.stateful = random.chance(750'000);
  scenario.foreign = random.chance(150'000);
  scenario.room_for_tlv = random.chance(900'000);
  scenario.reports_per_reply =
      random.chance(100'000) ? 0 : static_cast<unsigned>(random.between(1, 4));
  scenario.unique_timestamp_ids = random.chance(500'000);
  if (random.chance(300'000)) {
    const auto wrap = random.chance(500'000) ? std::int64_t{1} << 32U : std::int64_t{1} << 31U;
    scenario.first_sequence = static_cast<std::uint64_t>(wrap - random.between(0, 150));
  }
}

}  // namespace

bool Scenario::one_clock() const {
  return sender.clock.offset_ns == reflector.clock.offset_ns &&
         sender.clock.drift_ppb == reflector.clock.drift_ppb && sender.clock.step_ns == 0 &&
         reflector.clock.step_ns == 0;
}

std::string Scenario::description() const {
  const auto link = [](const LinkConfig& l) {
    return fmt::format("{} ns +{} lost {} dup {} reordered {} ppm, outage {} +{}", l.delay_ns,
                       l.jitter_ns, l.lost_ppm, l.duplicated_ppm, l.reordered_ppm, l.outage_at_ns,
                       l.outage_ns);
  };
  const auto host = [](const HostConfig& h) {
    return fmt::format(
        "points {:#x} withheld {} late {} ppm dropped {} ppm stalls {} ppm clock {} {} ppb step {} "
        "at {}",
        h.points.bits(), h.withheld_ppm, h.late_ppm, h.dropped_inside_ppm, h.stall_ppm,
        h.clock.offset_ns, h.clock.drift_ppb, h.clock.step_ns, h.clock.step_at_ns);
  };
  return fmt::format(
      "seed {}: {} probes, {}, timeout {} ns, from {}, window {}{}{}{}{}, {} reports per reply, "
      "restart {}\n"
      "  sender    {}\n  out       {}\n  reflector {}\n  back      {}",
      seed, count, schedule.description(), timeout.count(), first_sequence, window,
      authenticated ? ", authenticated" : "", stateful ? ", stateful" : ", stateless",
      foreign ? ", foreign" : "", room_for_tlv ? "" : ", bare", reports_per_reply, restart_at_ns,
      host(sender), link(forward), host(reflector), link(backward));
}

Scenario random_scenario(std::uint64_t seed) {
  Random random(seed);
  Scenario scenario;
  scenario.seed = random.next();
  scenario.count = static_cast<std::uint64_t>(random.between(1, 150));
  scenario.schedule.kind = static_cast<ScheduleKind>(random.between(0, 2));
  scenario.schedule.period_ns = static_cast<std::uint64_t>(
      random.chance(500'000) ? random.between(5 * us, ms) : random.between(ms, 10 * ms));
  scenario.schedule.seed = random.next();
  scenario.timeout = Duration(random.between(5 * ms, 50 * ms));
  scenario.grace = Duration(random.between(30 * ms, 500 * ms));
  const auto run_ns =
      static_cast<std::int64_t>(scenario.count * scenario.schedule.period_ns) + 10 * ms;
  draw_protocol(random, scenario);
  scenario.refused_ppm = trouble(random, 50'000);
  scenario.sender = random_host(random);
  scenario.reflector = random_host(random);
  draw_clocks(random, scenario, run_ns);
  scenario.forward = random_link(random, run_ns);
  scenario.backward = random_link(random, run_ns);
  scenario.reflector_entries = random.chance(800'000) ? 256 : 16;
  if (random.chance(150'000)) {
    scenario.restart_at_ns = random.between(0, run_ns);
    scenario.restart_takes_ns = random.between(0, 5 * ms);
  }
  scenario.window = random.chance(850'000) ? 256 : 16;
  // So short that replies come late.
  if (random.chance(100'000)) scenario.timeout = Duration(random.between(20 * us, 2 * ms));
  return scenario;
}

}  // namespace netobs::sim
