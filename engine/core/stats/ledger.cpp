#include "core/stats/ledger.hpp"

namespace netobs::stats {

RunPlan plan_of(PointSet sender, PointSet reflector) {
  RunPlan plan{};
  for (std::size_t i = 0; i < slot_count; ++i) {
    const PointSet set = slot_host(i) == Host::sender ? sender : reflector;
    if (set.has(slot_point(i))) plan[i].reason = Reason::captured;
  }
  return plan;
}

PointSet active_points(const RunPlan& plan, Host host) {
  PointSet set;
  for (const auto& row : point_table) {
    if (plan[slot(host, row.point)].reason == Reason::captured) set.add(row.point);
  }
  return set;
}

std::optional<double> SlotLedger::coverage() const {
  if (requested == 0) return std::nullopt;
  return static_cast<double>(captured) / static_cast<double>(requested);
}

std::optional<Reason> SlotLedger::main_reason() const {
  std::optional<Reason> most;
  for (std::size_t i = 0; i < reason_count; ++i) {
    if (missing[i] == 0) continue;
    if (!most || missing[i] > missing[static_cast<std::size_t>(*most)]) {
      most = static_cast<Reason>(i);
    }
  }
  return most;
}

PointLedger::PointLedger(const RunPlan& plan) {
  for (std::size_t i = 0; i < slot_count; ++i) {
    // What was named and cannot be had is requested and missing, not silently absent.
    slots_[i].plan = plan[i].reason;
    if (plan[i].reason == Reason::unsupported && plan[i].by_name) named_.set(i);
  }
}

void PointLedger::add(const ProbeRecord& record) {
  for (std::size_t i = 0; i < slot_count; ++i) {
    SlotLedger& account = slots_[i];
    if (account.plan == Reason::captured) {
      // A point that is taken of a sample only, and this probe is not in it.
      if (record.reason[i] == Reason::not_requested) continue;
      ++account.requested;
      if (record.reason[i] == Reason::captured) {
        ++account.captured;
      } else {
        ++account.missing[static_cast<std::size_t>(record.reason[i])];
      }
    } else if (named_.test(i)) {
      ++account.requested;
      ++account.missing[static_cast<std::size_t>(Reason::unsupported)];
    }
  }
}

void ProbeCounters::add(const ProbeRecord& record) {
  if (record.outcome == Outcome::send_failed) {
    ++send_failed;
    return;
  }
  ++sent;
  if (record.reply_count > 1) duplicate += record.reply_count - 1;
  if (record.reordered) ++reordered;
  if (record.clock_stepped) ++clock_stepped;
  if (record.outcome == Outcome::answered) {
    ++received;
    return;
  }
  ++lost;
  switch (record.outcome) {
    case Outcome::lost_forward:
      ++lost_forward;
      break;
    case Outcome::lost_backward:
      ++lost_backward;
      break;
    case Outcome::late:
      ++late;
      break;
    default:
      ++lost_unknown;
  }
}

}  // namespace netobs::stats
