#pragma once
// Parts of the document netobs.check/1, each written by a file of its own.

#include <nlohmann/json.hpp>
#include <optional>

#include "core/conditions/verdict.hpp"

namespace netobs::conditions {

using Json = nlohmann::ordered_json;

template <class T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

[[nodiscard]] Json throughput_json(const Throughput& test);
/// The member "loaded": verdicts by phase, then views and segments in every phase.
[[nodiscard]] Json loaded_json(const LoadedLatency& loaded, const Thresholds& limits);

}  // namespace netobs::conditions
