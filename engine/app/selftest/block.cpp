#include "app/selftest/block.hpp"

#include <sched.h>
#include <sys/socket.h>

#include <thread>
#include <utility>

#include "app/measure.hpp"
#include "core/wire/packet.hpp"
#include "linux/lab/veth_lab.hpp"

namespace netobs::app::selftest {

Setup make_setup(const LayerSelection& layers) {
  Setup setup;
  setup.layers = layers;
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (::sched_getaffinity(0, sizeof allowed, &allowed) != 0 || CPU_COUNT(&allowed) < 2) {
    return setup;
  }
  for (int cpu = 0; cpu < CPU_SETSIZE && !setup.reflector_cpu; ++cpu) {
    if (!CPU_ISSET(static_cast<std::size_t>(cpu), &allowed)) continue;
    (setup.sender_cpu ? setup.reflector_cpu : setup.sender_cpu) = cpu;
  }
  return setup;
}

BlockPlan plan_block(const Hosts& hosts, const Setup& setup, std::uint64_t count,
                     Duration interval) {
  BlockPlan plan;
  plan.reflector.listen = lab::VethLab::reflector_v4(wire::default_port);
  plan.reflector.interface = hosts.reflector_interface;
  plan.reflector.transport = setup.transport;
  plan.reflector.layers = setup.layers;
  plan.reflector.wait = WaitMode::block;
  plan.reflector.cpu = setup.reflector_cpu;
  plan.reflector.disabled = setup.disabled;
  plan.reflector.network_namespace_fd = hosts.reflector->fd();
  plan.run.host = plan.reflector.listen.address_text();
  plan.run.port = wire::default_port;
  plan.run.address_family = AF_INET;
  plan.run.transport = setup.transport;
  plan.run.layers = setup.layers;
  plan.run.wait = WaitMode::block;
  plan.run.cpu = setup.sender_cpu;
  plan.run.disabled = setup.disabled;
  plan.run.schedule.kind = ScheduleKind::isochronous;
  plan.run.schedule.period_ns = static_cast<std::uint64_t>(interval.count());
  plan.run.count = count;
  plan.run.keep_store = false;
  plan.run.network_namespace_fd = hosts.sender->fd();
  return plan;
}

Result<Block> run_block(const BlockPlan& plan, RunControl& control) {
  NETOBS_TRY(reflector, ReflectorService::start(plan.reflector));
  Block block;
  RunConfig config = plan.run;
  config.taps.records = [&block](std::span<const ProbeRecord> records) {
    block.records.insert(block.records.end(), records.begin(), records.end());
  };
  std::optional<Result<report::Summary>> outcome;
  // measure() moves its thread into a namespace and onto a CPU; neither is for the caller's.
  std::thread([&] { outcome = measure(config, control); }).join();
  block.reflector = reflector.stop();
  if (*outcome) {
    block.summary = std::move(**outcome);
  } else {
    block.failed = outcome->error().message();
  }
  return block;
}

}  // namespace netobs::app::selftest
