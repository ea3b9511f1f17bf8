#pragma once
// What a replay found: the capture itself, its sessions, and what is left over.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/capture/replay.hpp"
#include "core/capture/survey.hpp"
#include "core/report/renderer.hpp"
#include "core/report/summary.hpp"

namespace netobs::capture {

/// One file, as far as it was read.
struct CaptureFile {
  std::string path;
  std::string link;  ///< "Ethernet"
  std::uint64_t packets = 0;
  std::uint32_t snap_length = 0;   ///< octets; 0 = no limit is told
  std::int64_t resolution_ns = 1;  ///< a power of ten: of what the packets' times are multiples
  Vantage vantage = Vantage::near;
  std::optional<std::string> ended_early;  ///< why, one sentence
};

struct SessionReport {
  SessionIdentity identity;
  Match match = Match::stamp;
  SessionCounters counters;
  report::Summary summary;
};

struct CaptureReport {
  std::vector<CaptureFile> files;
  std::vector<std::string> empty_files;  ///< paths; left out
  std::optional<std::int64_t> first_ns;  ///< nullopt: no packet at all
  std::int64_t last_ns = 0;
  ReplayCounters packets;
  MatcherCounters unmatched;
  std::uint64_t unmeasured_sessions = 0;  ///< warm-ups of netobs, and nothing else
  std::uint64_t refused_sessions = 0;     ///< beyond the bound
  Match match = Match::stamp;
  Census census;
  std::optional<SurveyResult> survey;  ///< of two points
  /// Two files are read as parts of one capture, although packets of both look the same.
  bool repeating_parts = false;
  bool stopped = false;    ///< the reader asked for the end
  bool own_times = false;  ///< the hosts' own times are compared with those of the capture
  std::vector<SessionReport> sessions;  ///< by order of appearance
};

/// Which sessions are shown in full.
struct SessionChoice {
  bool all = false;
  std::optional<std::size_t> number;  ///< from 1; nullopt: the one with most requests
};

/// By order of appearance; empty where there is no such session.
[[nodiscard]] std::vector<const SessionReport*> chosen(const CaptureReport& report,
                                                       const SessionChoice& choice);

/// Sentences on the capture as a whole: what was skipped, cut off, or is worth another look.
[[nodiscard]] std::vector<std::string> notes_of(const CaptureReport& report);
/// The same on one session, for the document of its run.
[[nodiscard]] std::vector<std::string> notes_of(const SessionCounters& counters);
/// What the capture has instead of sessions, and the option that would read it.
[[nodiscard]] std::string nothing_found(const CaptureReport& report);

[[nodiscard]] std::string render_text(const CaptureReport& report, const SessionChoice& choice,
                                      const report::RenderStyle& style);
/// Schema "netobs.replay/1": {"capture": {...}, "sessions": [{..., "summary": as rtt --json}]}.
[[nodiscard]] std::string render_json(const CaptureReport& report, const SessionChoice& choice);

/// "STAMP", "STAMP, auth", "TWAMP-Light" (or STAMP without an SSID), "UDP echo", "ping".
[[nodiscard]] std::string kind_text(const SessionReport& session);

}  // namespace netobs::capture
