#pragma once

#include <string>
#include <vector>

#include "app/run_config.hpp"
#include "app/run_control.hpp"
#include "core/base/result.hpp"
#include "core/layer/point.hpp"
#include "core/report/run_document.hpp"

namespace netobs::app {

/// One timestamp point on one host, tried with real probes.
struct PointVerdict {
  Host host = Host::sender;
  Point point = Point::app_tx;
  bool works = false;
  std::uint32_t captured = 0;
  std::uint32_t probes = 0;
  std::string how;     ///< "200 of 200 probes", or why it does not work
  std::string remedy;  ///< what would buy it; empty when it works or nothing would
};

/// One fact of the host, judged.
struct HostVerdict {
  std::string key;
  std::string value;
  bool good = true;
  std::string advice;  ///< empty when there is nothing to do
};

struct Diagnosis {
  std::string target;  ///< "loopback (lo)", or the host and its interface
  std::vector<PointVerdict> points;
  std::vector<HostVerdict> host;
};

/// Sends a few hundred probes to config.host, or over loopback to a reflector of its own when that
/// is empty, with every layer in "auto". Runs on a thread of its own, like measure().
[[nodiscard]] Result<Diagnosis> diagnose(RunConfig config, RunControl& control);

[[nodiscard]] std::string diagnosis_text(const Diagnosis& diagnosis);
/// schema "netobs.doctor/1"
[[nodiscard]] std::string diagnosis_json(const Diagnosis& diagnosis);

}  // namespace netobs::app
