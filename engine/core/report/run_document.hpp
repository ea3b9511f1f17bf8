#pragma once
// Everything of a run that a report needs beside the distributions and the point ledger. A store
// keeps it as one JSON text per run; the report rebuilt from it is the live one.

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/base/result.hpp"
#include "core/stats/ledger.hpp"
#include "core/stats/path.hpp"
#include "core/stats/run_statistics.hpp"

namespace netobs::report {

/// What was measured, and how. Texts are for a person unless a format is given.
struct RunInfo {
  std::string id;             ///< 16 hexadecimal digits
  std::string target;         ///< "198.18.0.2:862"
  std::string link;           ///< "va0 (veth: no wire)", "eth0 (igb)"; may be empty
  bool virtual_link = false;  ///< no wire and no NIC between the hosts
  std::string transport;      ///< "io_uring"
  std::string schedule;       ///< "every 500 us"
  std::string started_at;     ///< RFC 3339, UTC, nanoseconds: utc_text(started_ns)
  std::int64_t started_ns = 0;
  std::int64_t duration_ns = 0;
  std::uint64_t count = 0;  ///< probes intended; 0 = until the duration was over
  std::uint32_t size_bytes = 0;
  std::string layers;          ///< as asked for: "auto", "app,kernel"
  std::string wait;            ///< "spin", "block" or "hybrid"
  std::string reflector_wait;  ///< the same of the reflector; empty = not known
  std::string cpu;             ///< where the hot thread is pinned; empty = not pinned
  std::string command_line;    ///< without secrets
  friend bool operator==(const RunInfo&, const RunInfo&) = default;
};

struct EnvironmentEntry {
  std::string key;
  std::variant<std::string, std::int64_t, double> value;
  friend bool operator==(const EnvironmentEntry&, const EnvironmentEntry&) = default;
};

/// Why a layer that could have been measured is not: "nic", "va0 has no hardware clock".
struct LayerAbsence {
  std::string layer;
  std::string why;
  friend bool operator==(const LayerAbsence&, const LayerAbsence&) = default;
};

/// What one host's hardware timestamps were taken with. Of a reflector only what its reports tell.
struct NicClockInfo {
  std::string host;            ///< "sender" or "reflector"
  bool converted = false;      ///< its times are on the scale of CLOCK_REALTIME, within +- bound_ns
  std::int64_t bound_ns = 0;   ///< the widest of the run
  std::string clock;           ///< "/dev/ptp0"; empty = not known
  std::string method;          ///< "PTP_SYS_OFFSET_EXTENDED"
  std::string time_scale;      ///< "UTC", "TAI", "its own": by its distance from CLOCK_REALTIME
  std::int64_t offset_ns = 0;  ///< CLOCK_REALTIME minus the NIC's clock at the end of the run
  std::int64_t offset_bound_ns = 0;  ///< +-
  double drift_ppb = 0;              ///< > 0: the NIC's clock is the slower one
  double drift_bound_ppb = 0;        ///< +-
  std::uint64_t looks = 0;           ///< how often both clocks were read
  std::uint64_t steps = 0;           ///< how often one of them was set
  std::string rx_filter;             ///< in force during the run, in the kernel's words
  std::string changed;               ///< what was changed for the run and put back; empty = nothing
  friend bool operator==(const NicClockInfo&, const NicClockInfo&) = default;
};

struct StoreStatus {
  std::string url;  ///< without the password
  std::uint64_t rows_written = 0;
  std::uint64_t rows_spilled = 0;  ///< on disk, to be sent
  std::uint64_t rows_lost = 0;
  friend bool operator==(const StoreStatus&, const StoreStatus&) = default;
};

struct RunDocument {
  RunInfo run;
  std::vector<EnvironmentEntry> environment;  ///< in the order of appearance
  std::vector<std::string> warnings;          ///< about the environment, shown as they are
  stats::ProbeCounters probes;
  std::uint64_t skipped = 0;  ///< intended sends left out because they were too late
  stats::JitterValues jitter;
  stats::ViolationCounters violations;
  stats::PathConfig path;  ///< active points and clocks: the segments follow from it
  std::int64_t interval_ns = 1'000'000'000;
  stats::RunBlocks blocks;               ///< how the run's own figures vary
  std::vector<NicClockInfo> nic_clocks;  ///< hosts with hardware timestamps
  std::vector<LayerAbsence> absent_layers;
  std::vector<std::string>
      notes;  ///< what the run itself wants said, beside the report's own rules
  std::vector<StoreStatus> store;
  friend bool operator==(const RunDocument&, const RunDocument&) = default;
};

/// "2026-11-23T09:47:17.123456789Z" for nanoseconds of CLOCK_REALTIME; proleptic Gregorian
/// calendar, any int64.
[[nodiscard]] std::string utc_text(std::int64_t realtime_ns);

/// Every text cleaned (clean_text.hpp) and every number finite: what to_json() can keep.
[[nodiscard]] RunDocument cleaned(RunDocument document);

/// One line of JSON. from_json(to_json(d)) == cleaned(d).
[[nodiscard]] std::string to_json(const RunDocument& document);

/// Reads it back. The text may be hostile: size and list lengths are bounded, every field is
/// checked for its type and range; unknown keys are ignored, missing ones keep their default.
[[nodiscard]] Result<RunDocument> from_json(std::string_view text);

}  // namespace netobs::report
