#include "app/selftest/counts.hpp"

#include <algorithm>

#include "linux/lab/relay.hpp"
#include "linux/lab/relay_lab.hpp"
#include "linux/lab/veth_lab.hpp"

namespace netobs::app::selftest {
namespace {

constexpr std::uint64_t probe_count = 1000;
constexpr Duration interval = std::chrono::milliseconds(1);

using lab::RelayAct;

/// Every n-th probe, from `first` on; never two neighbours.
struct Victims {
  std::uint32_t first;
  std::uint32_t every;
  [[nodiscard]] bool has(std::uint32_t sequence) const {
    return sequence < probe_count && sequence % every == first;
  }
};

struct Trial {
  Block block;
  std::vector<lab::RelayEntry> log;

  [[nodiscard]] std::uint64_t did(RelayAct act, bool reply) const {
    return static_cast<std::uint64_t>(std::ranges::count_if(log, [&](const auto& entry) {
      return entry.act == act && entry.reply == reply && entry.sender_sequence < probe_count;
    }));
  }
};

Result<Trial> try_with(const Setup& setup, RunControl& control, const lab::RelayPlan& plan) {
  NETOBS_TRY(lab, lab::RelayLab::create());
  const Hosts hosts{&lab.sender_side(), &lab.reflector_side(), lab::VethLab::sender_interface,
                    lab::VethLab::reflector_interface};
  NETOBS_TRY(relay, lab::Relay::start(lab.middle(),
                                      {.towards_sender = lab::RelayLab::towards_sender,
                                       .towards_reflector = lab::RelayLab::towards_reflector,
                                       .cpu = std::nullopt},
                                      [&plan](bool reply, std::uint32_t sequence) {
                                        // Warm-up and drain probes pass untouched.
                                        return sequence < probe_count ? plan(reply, sequence)
                                                                      : lab::RelayOrder{};
                                      }));
  NETOBS_TRY(block, run_block(plan_block(hosts, setup, probe_count, interval), control));
  return Trial{std::move(block), relay.stop()};
}

Result<void> add_losses(const Setup& setup, RunControl& control, std::vector<CountResult>& rows) {
  constexpr Victims out{3, 10};
  constexpr Victims back{7, 10};
  NETOBS_TRY(trial, try_with(setup, control, [&](bool reply, std::uint32_t sequence) {
               const bool drop = reply ? back.has(sequence) : out.has(sequence);
               return lab::RelayOrder{.act = drop ? RelayAct::drop : RelayAct::pass, .hold = {}};
             }));
  const auto& probes = trial.block.summary.document.probes;
  rows.push_back({"lost_forward", trial.did(RelayAct::drop, false), probes.lost_forward});
  rows.push_back({"lost_backward", trial.did(RelayAct::drop, true), probes.lost_backward});
  rows.push_back(
      {"lost", trial.did(RelayAct::drop, false) + trial.did(RelayAct::drop, true), probes.lost});
  return {};
}

Result<void> add_duplicates(const Setup& setup, RunControl& control,
                            std::vector<CountResult>& rows) {
  constexpr Victims twice{4, 8};
  NETOBS_TRY(trial, try_with(setup, control, [&](bool reply, std::uint32_t sequence) {
               const bool doubled = reply && twice.has(sequence);
               return lab::RelayOrder{.act = doubled ? RelayAct::duplicate : RelayAct::pass,
                                      .hold = {}};
             }));
  rows.push_back({"duplicate", trial.did(RelayAct::duplicate, true),
                  trial.block.summary.document.probes.duplicate});
  return {};
}

Result<void> add_reordering(const Setup& setup, RunControl& control,
                            std::vector<CountResult>& rows) {
  constexpr Victims overtaken{5, 9};
  NETOBS_TRY(trial, try_with(setup, control, [&](bool reply, std::uint32_t sequence) {
               const bool late = reply && overtaken.has(sequence);
               return lab::RelayOrder{.act = late ? RelayAct::let_next_first : RelayAct::pass,
                                      .hold = {}};
             }));
  rows.push_back({"reordered", trial.did(RelayAct::let_next_first, true),
                  trial.block.summary.document.probes.reordered});
  return {};
}

}  // namespace

Result<std::vector<CountResult>> compare_counts(const Setup& setup, RunControl& control) {
  std::vector<CountResult> rows;
  NETOBS_TRY_VOID(add_losses(setup, control, rows));
  NETOBS_TRY_VOID(add_duplicates(setup, control, rows));
  NETOBS_TRY_VOID(add_reordering(setup, control, rows));
  return rows;
}

}  // namespace netobs::app::selftest
