#include "app/demo.hpp"

#include <sys/socket.h>

#include "app/measure.hpp"
#include "app/reflector_service.hpp"
#include "core/wire/packet.hpp"
#include "linux/lab/veth_lab.hpp"

namespace netobs::app {

Result<report::Summary> run_demo(RunConfig config, RunControl& control) {
  control.enter("setting up two hosts");
  NETOBS_TRY(lab, lab::VethLab::create());
  ReflectorOptions options;
  options.listen = lab::VethLab::reflector_v4(wire::default_port);
  options.layers = config.layers;
  options.wait = config.wait == WaitMode::spin ? WaitMode::spin : WaitMode::block;
  options.disabled = config.disabled;
  options.auth_key = config.auth_key;
  options.network_namespace_fd = lab.reflector_side().fd();
  NETOBS_TRY(reflector, ReflectorService::start(options));

  config.host = options.listen.address_text();
  config.port = options.listen.port;
  config.address_family = AF_INET;
  config.network_namespace_fd = lab.sender_side().fd();
  auto summary = measure(config, control);
  (void)reflector.stop();
  return summary;
}

}  // namespace netobs::app
