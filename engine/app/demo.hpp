#pragma once

#include "app/run_config.hpp"
#include "app/run_control.hpp"
#include "core/report/summary.hpp"

namespace netobs::app {

/// The same as measure(), against a reflector of its own in a namespace of its own, over a veth
/// pair. config's host, port, interface and namespace are filled in here. Needs root.
[[nodiscard]] Result<report::Summary> run_demo(RunConfig config, RunControl& control);

}  // namespace netobs::app
