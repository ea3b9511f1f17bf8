#pragma once

#include <array>
#include <string>

#include "core/base/result.hpp"
#include "core/layer/point.hpp"

namespace netobs::app {

/// What --layers asked for. A layer named must start or the run fails; one that "auto" brings in is
/// measured where it can be, with the reason shown where it cannot.
struct LayerSelection {
  std::array<bool, layer_count> wanted{};
  std::array<bool, layer_count> required{};
  bool automatic = false;  ///< "auto" is among the words
  std::string text;        ///< as the user gave it, for the record

  [[nodiscard]] PointSet points() const;
  [[nodiscard]] bool wants(Layer layer) const { return wanted[index(layer)]; }
  [[nodiscard]] bool requires_layer(Layer layer) const { return required[index(layer)]; }
};

/// "auto" (every layer but pcap), "app", "kernel,tc", "pcap,auto".
[[nodiscard]] Result<LayerSelection> parse_layers(const std::string& text);

}  // namespace netobs::app
