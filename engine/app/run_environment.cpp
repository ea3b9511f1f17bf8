#include "app/run_environment.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "linux/nic/ptp_users.hpp"
#include "linux/os/clock.hpp"
#include "linux/os/host_facts.hpp"

namespace netobs::app {
namespace {

std::string discipline_text() {
  const auto discipline = os::read_time_discipline();
  if (!discipline) return "not told";
  return discipline->synchronised
             ? fmt::format("synchronised, +- {} us", discipline->max_error_ns / 1000)
             : "not synchronised";
}

std::string reflector_text(const PreparedSession& session) {
  if (!session.reflector.multi_layer) {
    return "foreign: base timestamps only, taken at a point it does not name";
  }
  if (session.reflector.base_is_xdp) return "Net Obs as an XDP program: T2 and T3";
  return "Net Obs, reports every probe";
}

}  // namespace

std::vector<report::EnvironmentEntry> describe_environment(const PreparedSession& session) {
  const auto host = os::read_host_facts();
  const auto& interface = session.interface;
  std::vector<report::EnvironmentEntry> rows;
  const auto add = [&](std::string key, auto value) {
    rows.push_back({std::move(key), {std::move(value)}});
  };
  const auto add_text = [&](std::string key, std::string value) {
    if (!value.empty()) add(std::move(key), std::move(value));
  };
  add_text("kernel", host.kernel);
  add_text("cpu", host.cpu_model);
  add("cpus", std::int64_t{host.cpu_count});
  add_text("virtualization", host.virtualization);
  add_text("clock_source", host.clock_source);
  add_text("cpu_governor", host.governor);
  add_text("cpu_idle_states", fmt::format("{}", fmt::join(host.idle_states, ", ")));
  if (const auto discipline = os::read_time_discipline()) {
    add("tai_offset_s", std::int64_t{discipline->tai_offset_s});
  }
  add_text("time_synchronisation", discipline_text());
  if (host.tstamp_prequeue) add("netdev_tstamp_prequeue", std::int64_t{*host.tstamp_prequeue});
  add_text("interface", interface.name);
  add_text("driver", interface.driver);
  add("mtu_bytes", std::int64_t{interface.mtu_bytes});
  add_text("qdisc", interface.qdisc);
  if (interface.rx_coalesce_us) add("rx_coalesce_us", std::int64_t{*interface.rx_coalesce_us});
  if (interface.tx_coalesce_us) add("tx_coalesce_us", std::int64_t{*interface.tx_coalesce_us});
  add_text("interrupt_cpus", os::interrupt_affinity(interface.name));
  add_text("transport", session.transport->description());
  add_text("hooks", session.hooks ? session.hooks->description() : "none");
  add_text("reflector", reflector_text(session));
  add_text("clock_relation", std::string(stats::name(session.clocks.kind)));
  return rows;
}

void add_nic_clocks(report::RunDocument& document, const PreparedSession& session,
                    const Recorder& recorder) {
  for (const Host host : {Host::sender, Host::reflector}) {
    const bool here = host == Host::sender;
    const auto hardware =
        hardware_points(document.path.active[index(host)] |
                        (here && session.nic ? session.nic->points() : PointSet{}));
    if (hardware == PointSet{}) continue;
    auto info =
        here && session.nic ? session.nic->describe(recorder.nic_clock()) : report::NicClockInfo{};
    info.host = name(host);
    info.converted = session.nic_converted[index(host)];
    info.bound_ns = recorder.nic_bound_ns(host).value_or(0);
    document.path.nic[index(host)].bound_ns = info.bound_ns;
    document.nic_clocks.push_back(std::move(info));
  }
}

std::vector<std::string> environment_warnings(const PreparedSession& session) {
  std::vector<std::string> warnings;
  const auto host = os::read_host_facts();
  if (host.governor == "powersave" || host.governor == "ondemand") {
    warnings.push_back(
        fmt::format("The CPU governor is {}: idle CPUs answer slower. `cpupower frequency-set -g "
                    "performance` removes that.",
                    host.governor));
  }
  constexpr std::uint32_t deep_us = 50;
  if (host.deepest_idle_exit_us.value_or(0) > deep_us) {
    warnings.push_back(
        fmt::format("CPU idle states with up to {} us of exit latency are on: low rates show them.",
                    *host.deepest_idle_exit_us));
  }
  if (host.clock_source == "hpet" || host.clock_source == "acpi_pm") {
    warnings.push_back(fmt::format(
        "The clock source is {}: every timestamp costs a microsecond or more.", host.clock_source));
  }
  if (session.nic) {
    for (const auto& user : nic::ptp_users(session.interface.name)) {
      if (!user.needs_setting) continue;
      warnings.push_back(fmt::format(
          "{} uses {} too: it may miss timestamps while netobs asks for its own, and netobs those "
          "that it takes.",
          user.program, session.interface.name));
    }
  }
  return warnings;
}

std::vector<report::LayerAbsence> absent_layers(const RunConfig& config,
                                                const PreparedSession& session) {
  std::vector<report::LayerAbsence> rows;
  for (const auto& layer : layer_table) {
    if (!config.layers.wants(layer.layer)) continue;
    for (const auto& point : point_table) {
      const auto i = slot(Host::sender, point.point);
      if (point.layer != layer.layer || session.plan[i].reason != Reason::unsupported) continue;
      const auto& refused = session.evidence[i].refused;
      std::string why = refused ? refused->brief() : "";
      if (layer.layer == Layer::nic && !session.interface.has_phc) {
        why = fmt::format("{} has no hardware clock", session.interface.name);
      }
      rows.push_back({std::string(layer.name), why.empty() ? "not offered by this kernel" : why});
      break;
    }
  }
  return rows;
}

}  // namespace netobs::app
