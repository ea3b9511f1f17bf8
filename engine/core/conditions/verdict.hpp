#pragma once
// What the figures mean. One row per item; a new item is a row here and in the renderers.

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/conditions/conditions.hpp"

namespace netobs::conditions {

enum class Verdict : std::uint8_t { fine, network_issue, host_issue, unknown };
[[nodiscard]] std::string_view name(Verdict verdict);

struct Judgement {
  Verdict verdict = Verdict::unknown;
  std::string reason;  ///< one clause; empty for most that are fine
};

/// Where fine ends.
struct Thresholds {
  double loss = 0.01;              ///< share of the echoes, or of the datagrams
  double retransmits = 0.01;       ///< share of the segments
  double rtt_ns = 300e6;           ///< median: ITU-T G.114 has 150 ms for one way
  double jitter_ns = 30e6;         ///< what a voice call's buffer takes
  double dns_ns = 200e6;           ///< one look-up
  std::uint32_t mtu_bytes = 1280;  ///< the least that IPv6 allows
  double cpu_percent = 90;         ///< of one CPU, which is what iperf3 uses
  double rate_kept = 0.9;          ///< of the target rate, at the sender
  double increase_ns = 5e6;        ///< of a median under load: what RFC 8289 lets a queue hold
};

struct ItemRow {
  std::string_view key;    ///< in JSON
  std::string_view label;  ///< for a person
  Judgement (*judge)(const Conditions& conditions, const Thresholds& limits);
};

inline constexpr std::size_t item_count = 10;
[[nodiscard]] const std::array<ItemRow, item_count>& item_table();

/// Why an item has no figure, as one clean line: what, why, remedy.
[[nodiscard]] std::string reason_of(const Error& error);

/// The thresholds as one paragraph.
[[nodiscard]] std::string thresholds_text(const Thresholds& limits);

}  // namespace netobs::conditions
