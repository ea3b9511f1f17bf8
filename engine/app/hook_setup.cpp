#include "app/hook_setup.hpp"

#include <iterator>

#include "linux/os/interface.hpp"

namespace netobs::app {
namespace {

Result<HookStart> start_programs(const HookWish& wish) {
  HookOptions options;
  options.wanted = wish.wanted & bpf_points;
  if (options.wanted == PointSet{}) return HookStart{};
  for (const auto& name : wish.interfaces) {
    NETOBS_TRY(facts, os::interface_facts(name));
    options.interfaces.push_back(facts.index);
  }
  options.local_port = wish.local_port;
  options.remote = wish.remote;
  options.authenticated = wish.authenticated;
  options.socket_fds = {wish.socket_fd};
  options.features = wish.features;
  return start_hooks(options);
}

}  // namespace

CaptureHookStart open_captures(const HookWish& wish) {
  return start_capture_hooks({.interfaces = wish.interfaces,
                              .local_port = wish.local_port,
                              .remote = wish.remote,
                              .authenticated = wish.authenticated,
                              .sink = wish.sink,
                              .snap_bytes = wish.snap_bytes});
}

Result<HookSetup> open_hooks(const HookWish& wish) {
  HookSetup setup;
  auto hooks = std::make_unique<HookSet>();
  const auto keep = [&](auto&& started) {
    if (started.source) hooks->add(std::move(started.source));
    std::ranges::move(started.refused, std::back_inserter(setup.refused));
  };
  NETOBS_TRY(programs, start_programs(wish));
  keep(std::move(programs));
  if ((wish.wanted & points_of(Layer::pcap)) != PointSet{}) keep(open_captures(wish));
  if (!hooks->empty()) setup.hooks = std::move(hooks);
  return setup;
}

}  // namespace netobs::app
