#pragma once
// The places where known delays are put in, each with the mechanism that does it and the segment
// that has to show it.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "app/selftest/block.hpp"
#include "app/selftest/delays.hpp"

namespace netobs::app::selftest {

/// What a place has to work with.
struct Bench {
  const Setup& setup;
  /// The user's own pair of interfaces; null = namespaces and veth pairs made for each place.
  const Hosts* cabled = nullptr;
  const DelayPlan& plan;
  RunControl& control;
};

/// A run with known delays: the records and the account of what was added to each probe.
struct Injected {
  Block block;
  Account account;
};

/// From one slot to another.
struct Stretch {
  std::size_t from;
  std::size_t to;
};

struct Place {
  std::string_view key;    ///< in JSON
  std::string_view label;  ///< for a person
  std::string_view host;   ///< the same in two short words, one above the other
  std::string_view part;
  std::string_view mechanism;  ///< how, and whose clock keeps the account
  Stretch delayed;             ///< the delay lies in here
  bool needs_lab;              ///< cannot be done between two real interfaces
  Result<Injected> (*measure)(const Bench& bench);
  /// Where the instrument holds a probe a second time, for as long as its own work takes: known,
  /// and taken off what is measured there.
  std::optional<Stretch> aside = std::nullopt;
};

/// In the order of a probe's way.
[[nodiscard]] std::span<const Place> place_table();

}  // namespace netobs::app::selftest
