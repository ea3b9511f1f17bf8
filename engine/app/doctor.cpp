#include "app/doctor.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <optional>

#include "app/reflector_service.hpp"
#include "app/session_setup.hpp"
#include "app/warm_up.hpp"
#include "linux/nic/abilities.hpp"
#include "linux/nic/ptp_users.hpp"
#include "linux/os/clock.hpp"
#include "linux/os/host_facts.hpp"

namespace netobs::app {
namespace {

constexpr std::uint64_t probes_to_send = 200;
constexpr double ns_per_us = 1'000;
constexpr double ppb_per_ppm = 1'000;

std::string how_text(const PointVerdict& verdict, const PointEvidence& evidence,
                     const PreparedSession& session) {
  if (verdict.works) return fmt::format("{} of {} probes", verdict.captured, verdict.probes);
  if (info(verdict.point).layer == Layer::nic && !session.interface.has_phc) {
    return fmt::format("{} has no hardware clock", session.interface.label());
  }
  if (evidence.refused) return evidence.refused->brief();
  if (verdict.host == Host::reflector && !session.reflector.multi_layer) {
    return "the reflector is foreign: base timestamps only";
  }
  return "not offered";
}

std::string remedy_text(const PointVerdict& verdict, const PointEvidence& evidence) {
  if (verdict.works) return {};
  if (evidence.refused) return evidence.refused->cause + " " + evidence.refused->remedy;
  if (info(verdict.point).layer == Layer::nic) return "a NIC with a PTP clock (ethtool -T)";
  return {};
}

std::vector<PointVerdict> judge_points(const PreparedSession& session, const WarmUp& seen) {
  std::vector<PointVerdict> verdicts;
  for (const auto i : path_order) {
    PointVerdict verdict;
    verdict.host = slot_host(i);
    verdict.point = slot_point(i);
    // Of another transport, and no fault of this one.
    const bool bypass = info(verdict.point).layer == Layer::xdp;
    if (bypass && session.plan[i].reason == Reason::not_on_path) continue;
    verdict.captured = seen.captured[i];
    verdict.probes = seen.replies;
    verdict.works = seen.captured[i] > 0;
    verdict.how = how_text(verdict, session.evidence[i], session);
    verdict.remedy = remedy_text(verdict, session.evidence[i]);
    verdicts.push_back(std::move(verdict));
  }
  return verdicts;
}

HostVerdict judge_clock_source(const os::HostFacts& host) {
  const bool slow = host.clock_source == "hpet" || host.clock_source == "acpi_pm";
  return {"clock source", host.clock_source, !slow,
          slow ? "Each timestamp costs microseconds: boot with clocksource=tsc if the TSC is sound."
               : ""};
}

HostVerdict judge_governor(const os::HostFacts& host) {
  const bool saving = host.governor == "powersave" || host.governor == "ondemand";
  return {"CPU governor", host.governor.empty() ? "no cpufreq" : host.governor, !saving,
          saving ? "cpupower frequency-set -g performance" : ""};
}

HostVerdict judge_idle_states(const os::HostFacts& host) {
  constexpr std::uint32_t deep_us = 50;
  const auto exit_us = host.deepest_idle_exit_us.value_or(0);
  std::string value =
      host.idle_states.empty()
          ? "not told"
          : fmt::format("{}; slowest exit {} us", fmt::join(host.idle_states, ", "), exit_us);
  return {"CPU idle states", std::move(value), exit_us <= deep_us,
          exit_us > deep_us ? "cpupower idle-set -D 50, or measure with --wait spin" : ""};
}

HostVerdict judge_synchronisation() {
  const auto discipline = os::read_time_discipline();
  if (!discipline) return {"time synchronisation", discipline.error().brief(), true, ""};
  if (!discipline->synchronised) {
    return {"time synchronisation", "none", false,
            "One-way delays to other hosts need it (chrony, ptp4l). Round trips do not."};
  }
  return {"time synchronisation",
          fmt::format("kernel synchronised, within {} us", discipline->max_error_ns / 1000), true,
          ""};
}

HostVerdict judge_tai() {
  const auto discipline = os::read_time_discipline();
  if (!discipline) return {"TAI offset", "not told", true, ""};
  return {
      "TAI offset", fmt::format("{} s", discipline->tai_offset_s), true,
      discipline->tai_offset_s == 0 ? "nobody has set it; accounted for in the hooks' clock" : ""};
}

double clock_read_ns() {
  constexpr int reads = 1000;
  const auto before = os::monotonic_now();
  for (int i = 0; i < reads; ++i) (void)os::realtime_now();
  return static_cast<double>((os::monotonic_now() - before).count()) / reads;
}

std::string one_of(const std::vector<std::string>& names) {
  return names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", "));
}

/// What the driver claims; what it delivers stands among the points.
HostVerdict judge_abilities(const PreparedSession& session) {
  const auto found = nic::abilities(session.interface.name);
  if (!found) return {"NIC timestamping", found.error().brief(), true, ""};
  if (!found->tx_hardware && !found->rx_hardware) {
    return {"NIC timestamping", "none: its driver names no hardware timestamps", true, ""};
  }
  return {"NIC timestamping",
          fmt::format("claims tx {}; rx {}", one_of(found->tx_types), one_of(found->rx_filters)),
          true, ""};
}

HostVerdict judge_setting(const NicSide& nic) {
  const auto& report = nic.report();
  auto text = fmt::format("rx_filter {}, tx_type {}", report.rx_filter, report.tx_type);
  if (!report.changed.empty()) text += fmt::format("; for this test: {}", report.changed);
  return {"NIC setting", std::move(text), report.may_stamp_ours,
          report.may_stamp_ours ? fmt::format("{}", fmt::join(report.remarks, " "))
                                : std::string(disguise_remedy)};
}

HostVerdict judge_nic_clock(const NicSide& nic) {
  if (const auto& refused = nic.clock_refused()) {
    return {"NIC clock", refused->brief(), false, refused->cause + " " + refused->remedy};
  }
  NicClock clock;
  for (const auto& look : nic.first_looks()) (void)clock.feed(look);
  const auto info = nic.describe(clock.state());
  // The offset that people know: how far the NIC is ahead.
  auto text =
      fmt::format("{} by {}, time scale {}; offset {:+.3f} us +-{:.3f} us", info.clock, info.method,
                  info.time_scale, -static_cast<double>(info.offset_ns) / ns_per_us,
                  static_cast<double>(info.offset_bound_ns) / ns_per_us);
  if (info.looks > 1) {
    text += fmt::format("; drift {:+.2f} ppm +-{:.2f}", info.drift_ppb / ppb_per_ppm,
                        info.drift_bound_ppb / ppb_per_ppm);
  }
  const bool kept = info.time_scale != "its own";
  return {"NIC clock", std::move(text), true,
          kept ? "" : "Nobody keeps it on time; netobs compares it with the host's clock itself."};
}

HostVerdict judge_ptp_users(const std::string& interface) {
  std::vector<std::string> users;
  for (const auto& user : nic::ptp_users(interface)) {
    users.push_back(fmt::format("{} (process {}): {}", user.program, user.pid, user.what));
  }
  if (users.empty()) return {"PTP programs", "none on this interface", true, ""};
  return {"PTP programs", fmt::format("{}", fmt::join(users, "; ")), true,
          "They share the NIC's few places for transmit timestamps: keep --nic-sample auto."};
}

void judge_nic(const PreparedSession& session, std::vector<HostVerdict>& rows) {
  if (session.interface.is_virtual() && !session.interface.has_phc) return;
  rows.push_back(judge_abilities(session));
  if (session.nic) {
    rows.push_back(judge_setting(*session.nic));
    rows.push_back(judge_nic_clock(*session.nic));
  }
  if (session.interface.has_phc) rows.push_back(judge_ptp_users(session.interface.name));
}

std::vector<HostVerdict> judge_host(const PreparedSession& session) {
  const auto host = os::read_host_facts();
  std::vector<HostVerdict> rows;
  rows.push_back({"kernel", host.kernel, true, ""});
  rows.push_back(judge_clock_source(host));
  rows.push_back({"clock read", fmt::format("{:.0f} ns", clock_read_ns()), true, ""});
  rows.push_back(judge_tai());
  rows.push_back(judge_synchronisation());
  rows.push_back(judge_governor(host));
  rows.push_back(judge_idle_states(host));
  const auto interrupts = os::interrupt_affinity(session.interface.name);
  rows.push_back(
      {"interrupt CPUs", interrupts.empty() ? "no interrupts of its own" : interrupts, true, ""});
  if (host.tstamp_prequeue) {
    rows.push_back({"netdev_tstamp_prequeue", *host.tstamp_prequeue ? "1" : "0",
                    *host.tstamp_prequeue,
                    *host.tstamp_prequeue ? ""
                                          : "rx_software is taken after the backlog queue: sysctl "
                                            "net.core.netdev_tstamp_prequeue=1"});
  }
  judge_nic(session, rows);
  rows.push_back({"transport", session.transport->description(), true, ""});
  rows.push_back({"hooks", session.hooks ? session.hooks->description() : "none", true, ""});
  return rows;
}

}  // namespace

Result<Diagnosis> diagnose(RunConfig config, RunControl& control) {
  std::optional<ReflectorService> own;
  if (config.host.empty()) {
    ReflectorOptions options;
    options.listen = Endpoint::v4({127, 0, 0, 1}, 0);
    options.layers = config.layers;
    options.disabled = config.disabled;
    options.auth_key = config.auth_key;
    NETOBS_TRY(started, ReflectorService::start(options));
    own.emplace(std::move(started));
    config.host = "127.0.0.1";
    config.port = own->local().port;
  }
  // Not what a run does by itself, but what it could be asked for.
  config.layers.wanted[index(Layer::pcap)] = true;
  NETOBS_TRY(session, prepare_session(config, control));
  NETOBS_TRY(seen, warm_up(session.sender, *session.transport, session.hooks.get(), control,
                           config.wait, probes_to_send));
  Diagnosis diagnosis;
  diagnosis.target = fmt::format("{} over {}", session.remote.text(), session.interface.label());
  diagnosis.points = judge_points(session, seen);
  diagnosis.host = judge_host(session);
  return diagnosis;
}

}  // namespace netobs::app
