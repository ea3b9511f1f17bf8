#include "core/report/notes.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/report/format.hpp"
#include "core/report/summary.hpp"

namespace netobs::report {
namespace {

using Note = std::optional<std::string>;

std::string slot_text(std::size_t slot_index) {
  return fmt::format("{} {}", netobs::name(slot_host(slot_index)),
                     netobs::name(slot_point(slot_index)));
}

Note nothing_answered(const Summary& summary) {
  const auto& probes = summary.document.probes;
  if (probes.received != 0 || probes.sent == 0) return std::nullopt;
  if (summary.document.run.transport == "capture") {
    return fmt::format(
        "The capture shows no reply from {}. Do replies come by where it was taken, and does it "
        "hold whole packets?",
        summary.document.run.target);
  }
  return fmt::format(
      "Nothing answered at {}. Is a reflector running there (netobs reflect), and does every "
      "firewall "
      "on the way let its UDP port through?",
      summary.document.run.target);
}

Note clock_stepped(const Summary& summary) {
  const auto stepped = summary.document.probes.clock_stepped;
  if (stepped == 0) return std::nullopt;
  if (summary.document.run.transport == "capture") {
    return fmt::format(
        "The capture's times went back, or the reflector's clock was set, with {} under way; they "
        "are left out of the figures.",
        counted(stepped, "probe"));
  }
  return fmt::format(
      "The system clock stepped with {} under way; they are left out of the figures. Let the time "
      "service slew instead of step (chrony: makestep only at start), then measure again.",
      counted(stepped, "probe"));
}

Note out_of_order(const Summary& summary) {
  const auto& violations = summary.document.violations;
  if (violations.causal_order == 0 || !violations.worst) return std::nullopt;
  const auto& edge = violations.worst->edge;
  return fmt::format(
      "Timestamps are out of order in {}, at worst {} by {} before {} (probe {}). Two clocks "
      "disagree there: do not trust segments that begin or end at these points.",
      counted(violations.causal_order, "record"), slot_text(edge.to), duration_text(edge.by_ns),
      slot_text(edge.from), violations.worst->sequence);
}

Note broken_identity(const Summary& summary) {
  const auto broken = summary.document.violations.identity;
  if (broken == 0) return std::nullopt;
  return fmt::format(
      "In {} the segments do not add up to the round trip: some timestamps are impossible. Compare "
      "with "
      "a run on --layers app.",
      counted(broken, "record"));
}

Note lost_rows(const Summary& summary) {
  std::string text;
  for (const StoreStatus& store : summary.document.store) {
    if (store.rows_lost != 0) {
      text += fmt::format(
          "{}{} did not reach {} and are gone: the disk for the spool is full or read-only.",
          text.empty() ? "" : " ", counted(store.rows_lost, "row"), store.url);
    }
    if (store.rows_spilled != 0) {
      text += fmt::format(
          "{}{} for {} wait on disk because it was slow or away. The next run sends them, or now: "
          "netobs db flush.",
          text.empty() ? "" : " ", counted(store.rows_spilled, "row"), store.url);
    }
  }
  if (text.empty()) return std::nullopt;
  return text;
}

Note lost_probes(const Summary& summary) {
  const auto& probes = summary.document.probes;
  if (probes.lost == 0 || probes.received == 0) return std::nullopt;
  std::string text = fmt::format("{} of {} probes did not come back in time:", grouped(probes.lost),
                                 grouped(probes.sent));
  if (probes.lost_forward != 0) {
    text += fmt::format(
        " {} never reached the reflector (look at queues on the way out and at the reflector's "
        "socket buffer and rate limit);",
        grouped(probes.lost_forward));
  }
  if (probes.lost_backward != 0) {
    text += fmt::format(
        " {} were answered but the answer was lost (look at the way back and at this host's "
        "receive buffer);",
        grouped(probes.lost_backward));
  }
  if (probes.late != 0)
    text += fmt::format(" {} were answered after the timeout;", grouped(probes.late));
  if (probes.lost_unknown != 0) {
    text += fmt::format(" of {} the direction is not known;", grouped(probes.lost_unknown));
  }
  text.back() = '.';
  return text;
}

std::string_view remedy_for(Reason reason) {
  switch (reason) {
    case Reason::lost_by_kernel:
      return "The kernel had no room for them: a lower rate, or more net.core.rmem_max, helps.";
    case Reason::lost_by_us:
      return "A buffer of netobs was full: a lower rate, or --cpu with a free core, helps.";
    case Reason::late:
      return "They came after the record was closed: a lower rate helps.";
    case Reason::clock_invalid:
      return "Their clock was stepping: see netobs doctor for the time service.";
    default:
      return "netobs doctor shows which points work on this host.";
  }
}

/// Gaps in what was switched on, among the probes that came back.
Note low_coverage(const Summary& summary) {
  constexpr double enough = 0.999;
  std::size_t with_gaps = 0;
  double worst = enough;
  std::size_t worst_slot = 0;
  Reason worst_reason = Reason::late;
  for (std::size_t i = 0; i < slot_count; ++i) {
    stats::SlotLedger account = summary.ledger.at(i);
    auto& lost = account.missing[static_cast<std::size_t>(Reason::probe_lost)];
    account.requested -= std::min(lost, account.requested);
    lost = 0;
    const auto coverage = account.coverage();
    if (account.plan != Reason::captured || !coverage || *coverage >= enough) continue;
    ++with_gaps;
    if (*coverage < worst) {
      worst = *coverage;
      worst_slot = i;
      worst_reason = account.main_reason().value_or(Reason::late);
    }
  }
  if (with_gaps == 0) return std::nullopt;
  return fmt::format("{} {} gaps, most of all {}: {} of its timestamps, mostly missing as {}. {}",
                     counted(with_gaps, "timestamp point"), with_gaps == 1 ? "has" : "have",
                     slot_text(worst_slot), percent_floor(worst), netobs::name(worst_reason),
                     remedy_for(worst_reason));
}

bool holds_wake_up(const stats::Segment& segment) {
  return segment.name.find("wake-up") != std::string::npos;
}

/// Segments with a wake-up of one host that take a sizeable part of the round trip.
const SegmentSummary* dominant_wake_up(const Summary& summary, stats::SegmentKind kind) {
  constexpr double sizeable = 0.15;
  for (const SegmentSummary& row : summary.segments) {
    if (row.segment.kind == kind && holds_wake_up(row.segment) &&
        row.share.value_or(0) >= sizeable) {
      return &row;
    }
  }
  return nullptr;
}

Note wake_up(const Summary& summary) {
  const RunInfo& run = summary.document.run;
  const auto* here = dominant_wake_up(summary, stats::SegmentKind::sender_rx);
  const auto* there = dominant_wake_up(summary, stats::SegmentKind::reflector_rx);
  const bool sender = here != nullptr && !run.wait.empty() && run.wait != "spin";
  const bool reflector = there != nullptr && run.reflector_wait != "spin";
  if (!sender && !reflector) return std::nullopt;
  const double share = (sender ? *here->share : 0) + (reflector ? *there->share : 0);
  const std::string_view who = sender && reflector ? "both programs"
                               : sender            ? "the sender"
                                                   : "the reflector";
  const std::string_view where = sender && reflector ? "on both sides"
                                 : sender            ? ""
                                                     : "on the reflector";
  const bool exact = (!sender || here->segment.name == "wake-up") &&
                     (!reflector || there->segment.name == "wake-up");
  return fmt::format(
      "{}{} of the round trip is the time until the scheduler wakes {} up: the program's way of "
      "waiting, not the network. --wait spin{}{} removes it, for one busy core each.",
      exact ? "" : "Up to ", percent_text(share), who, where.empty() ? "" : " ", where);
}

Note late_sends(const Summary& summary) {
  const auto& document = summary.document;
  if (document.skipped == 0 && !intended_differs(summary)) return std::nullopt;
  const auto p99 = summary.send_error ? summary.send_error->p99() : std::nullopt;
  std::string text = "Probes left late";
  if (p99) text += fmt::format(" (p99 {})", duration_text(*p99));
  if (document.skipped != 0) text += fmt::format(", {} not at all", grouped(document.skipped));
  text += ": the round trip understates what a user sees who wants to send on schedule.";
  if (document.run.wait != "spin") return text + " --wait spin keeps the schedule better.";
  if (document.run.cpu.empty()) return text + " --cpu pins the sender to a core of its own.";
  return text + " A longer --interval fits this machine better.";
}

Note no_wire(const Summary& summary) {
  const RunInfo& run = summary.document.run;
  if (!run.virtual_link) return std::nullopt;
  return "This link has no wire: \"network\" is one kernel handing packets over to itself. Measure "
         "between two hosts for a real network.";
}

Note few_probes(const Summary& summary) {
  const auto received = summary.document.probes.received;
  if (received == 0 || received >= 1000) return std::nullopt;
  return fmt::format(
      "Only {}: too few for {}. --count 1000 gives p99.9 a first value, 100000 a firm one.",
      counted(received, "answer"), received < 100 ? "p99 and p99.9" : "p99.9");
}

}  // namespace

const std::array<NoteRule, 11>& note_rules() {
  static constexpr std::array<NoteRule, 11> rules{{
      {"nothing_answered", nothing_answered},
      {"clock_stepped", clock_stepped},
      {"out_of_order", out_of_order},
      {"broken_identity", broken_identity},
      {"lost_rows", lost_rows},
      {"lost_probes", lost_probes},
      {"low_coverage", low_coverage},
      {"wake_up", wake_up},
      {"late_sends", late_sends},
      {"few_probes", few_probes},
      {"no_wire", no_wire},
  }};
  return rules;
}

std::vector<std::string> notes_of(const Summary& summary) {
  std::vector<std::string> notes;
  for (const NoteRule& rule : note_rules()) {
    if (auto note = rule.apply(summary)) notes.push_back(std::move(*note));
  }
  for (const std::string& note : summary.document.notes) notes.push_back(note);
  return notes;
}

}  // namespace netobs::report
