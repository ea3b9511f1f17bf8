#include "app/measure.hpp"

#include <fmt/format.h>
#include <sched.h>
#include <sys/random.h>

#include <algorithm>

#include "app/recorder.hpp"
#include "app/run_environment.hpp"
#include "app/sender_loop.hpp"
#include "app/session_setup.hpp"
#include "app/store_set.hpp"
#include "core/report/format.hpp"
#include "core/session/disguise.hpp"
#include "linux/os/clock.hpp"
#include "linux/os/tuning.hpp"

namespace netobs::app {
namespace {

constexpr std::size_t observation_capacity = 1U << 18U;
constexpr Duration roll_up_interval = std::chrono::seconds(1);

constexpr std::string_view wait_name(WaitMode mode) {
  return mode == WaitMode::spin ? "spin" : mode == WaitMode::block ? "block" : "hybrid";
}

Result<void> enter_namespace(int fd) {
  if (fd < 0) return {};
  if (::setns(fd, CLONE_NEWNET) != 0) {
    return fail({.what = "enter the network namespace of the run",
                 .sys_errno = errno,
                 .cause = "It needs CAP_SYS_ADMIN.",
                 .remedy = "Run it with sudo."});
  }
  return {};
}

/// The CPUs that this process may use besides the one that the hot thread is pinned to.
std::vector<int> other_cpus(std::optional<int> pinned) {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (!pinned || ::sched_getaffinity(0, sizeof allowed, &allowed) != 0) return {};
  std::vector<int> cpus;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (cpu != *pinned && CPU_ISSET(static_cast<std::size_t>(cpu), &allowed)) cpus.push_back(cpu);
  }
  return cpus;
}

/// A run in progress: its parts in the order in which they are made, and unmade in reverse.
class Run {
 public:
  Run(const RunConfig& config, RunControl& control, StoreSet stores, PreparedSession session,
      std::int64_t run_id, CaptureLog* capture)
      : config_(config),
        control_(control),
        stores_(std::move(stores)),
        session_(std::move(session)),
        run_id_(run_id),
        capture_(capture),
        observations_(observation_capacity),
        started_(os::realtime_now()) {}

  Result<report::Summary> execute();

 private:
  [[nodiscard]] RecordSinks sinks();
  [[nodiscard]] std::function<std::optional<CrossTimestamp>()> looker();
  [[nodiscard]] Result<void> open_capture();
  void finish_capture(report::RunDocument& document);
  [[nodiscard]] Result<SenderCounters> send_probes(const Recorder& recorder);
  [[nodiscard]] report::RunDocument describe_start() const;
  void account_losses(stats::PointLedger& ledger) const;
  void restore_nic(report::RunDocument& document);
  void add_outcome(report::RunDocument& document, const Recorder& recorder,
                   const SenderCounters& sender) const;
  void add_notes(report::RunDocument& document, const Recorder& recorder,
                 const SenderCounters& sender) const;
  void add_nic_notes(report::RunDocument& document, const SenderCounters& sender) const;

  const RunConfig& config_;
  RunControl& control_;
  StoreSet stores_;
  PreparedSession session_;
  std::int64_t run_id_;
  CaptureLog* capture_;  // null: no capture is written
  ObservationQueue observations_;
  RealTime started_;
};

RecordSinks Run::sinks() {
  return {
      .probes =
          [this](std::span<const ProbeRecord> records) {
            stores_.add_probes(records, run_id_);
            if (capture_ != nullptr) capture_->keep(records);
            if (config_.taps.records) config_.taps.records(records);
          },
      .rollups =
          [this](const std::vector<stats::Rollup>& rollups) {
            stores_.add_rollups(rollups, run_id_);
          },
      .counts =
          [this](const std::vector<stats::IntervalCounts>& counts) {
            stores_.add_counts(counts, run_id_);
          },
      .progress = [this](const Progress& progress) { control_.publish(progress); },
      .turn =
          [this] {
            if (capture_ != nullptr) capture_->gather();
          },
      .live = control_.watched(),
      .look_at_nic = looker(),
      .nic_looks = session_.nic ? session_.nic->first_looks() : std::vector<CrossTimestamp>{},
  };
}

std::function<std::optional<CrossTimestamp>()> Run::looker() {
  if (!session_.nic || !session_.nic->has_clock()) return {};
  return [this] { return session_.nic->look(); };
}

/// Now that the session has its number, and before anything is measured.
Result<void> Run::open_capture() {
  if (capture_ == nullptr) return {};
  if (!session_.hooks || !session_.hooks->points_enabled().has(Point::pcap_rx)) {
    const auto& refused = session_.evidence[slot(Host::sender, Point::pcap_rx)].refused;
    return fail({.what = "write " + config_.capture.path,
                 .cause = refused ? refused->message() : "This transport passes by every capture.",
                 .remedy = refused ? "" : "Use --transport auto.",
                 .exit = ExitCode::layer_missing});
  }
  return capture_->open(
      config_.capture,
      {.ssid = session_.sender.ssid,
       .first_sequence = static_cast<std::uint32_t>(session_.sender.first_sequence),
       .interface = session_.interface.name,
       .application = config_.application,
       .command_line = config_.command_line});
}

void Run::finish_capture(report::RunDocument& document) {
  if (capture_ == nullptr) return;
  capture_->finish(session_.hooks->dropped(Point::pcap_rx));
  document.environment.push_back({"capture", capture_->description()});
  for (const auto& trouble : capture_->troubles()) document.notes.push_back(trouble);
  control_.tell("capture: " + capture_->description());
}

Result<SenderCounters> Run::send_probes(const Recorder& recorder) {
  NETOBS_TRY(sender, Sender::make(session_.sender, observations_));
  if (config_.cpu) {
    NETOBS_TRY_VOID(os::pin_thread_to_cpu(static_cast<unsigned>(*config_.cpu)));
  }
  SenderLoop loop({*session_.transport, session_.hooks.get(), sender, observations_,
                   recorder.closed_records(), control_},
                  config_.wait);
  loop.run();
  return sender.counters();
}

Result<report::Summary> Run::execute() {
  NETOBS_TRY_VOID(open_capture());
  auto document = describe_start();
  stores_.write_run(document, run_id_, false);
  stats::RunStatisticsConfig statistics;
  statistics.plan = session_.plan;
  statistics.clocks = session_.clocks;
  statistics.nic_converted = session_.nic_converted;
  statistics.interval_ns = document.interval_ns;
  Recorder recorder(observations_, session_.correlator(), statistics, sinks(),
                    other_cpus(config_.cpu));
  control_.set_target(report::what_over_what(document.run));
  control_.enter("measuring");
  const auto began = os::monotonic_now();
  auto sender = send_probes(recorder);
  document.run.duration_ns = (os::monotonic_now() - began).count();
  control_.enter("storing");
  recorder.finish();
  if (!sender) return std::unexpected(std::move(sender).error());

  auto ledger = recorder.statistics().ledger();
  account_losses(ledger);
  add_outcome(document, recorder, *sender);
  restore_nic(document);
  finish_capture(document);
  add_notes(document, recorder, *sender);
  const auto totals = recorder.statistics().totals();
  stores_.add_ledger(ledger, run_id_);
  stores_.add_metrics(recorder.statistics().path(), totals, run_id_);
  document.store = stores_.settle();
  for (auto& message : stores_.errors()) document.notes.push_back(std::move(message));
  stores_.write_run(document, run_id_, true);
  auto summary = report::assemble(document, ledger, totals);
  for (auto& message : stores_.finish()) control_.tell(std::move(message));
  return summary;
}

report::RunDocument Run::describe_start() const {
  report::RunDocument document;
  auto& run = document.run;
  run.id = store::run_id_text(run_id_);
  run.target = session_.remote.text();
  run.link = session_.interface.label();
  run.virtual_link = session_.interface.is_virtual();
  run.transport =
      session_.transport->description().substr(0, session_.transport->description().find(' '));
  run.schedule = session_.sender.schedule.description();
  run.started_ns = started_.ns;
  run.started_at = report::utc_text(started_.ns);
  run.count = config_.count;
  run.size_bytes = session_.sender.size_bytes;
  run.layers = config_.layers.text;
  run.wait = wait_name(config_.wait);
  run.cpu = config_.cpu ? std::to_string(*config_.cpu) : "";
  run.command_line = config_.command_line;
  document.environment = describe_environment(session_);
  document.warnings = environment_warnings(session_);
  document.absent_layers = absent_layers(config_, session_);
  document.interval_ns = roll_up_interval.count();
  document.path.active = {stats::active_points(session_.plan, Host::sender),
                          stats::active_points(session_.plan, Host::reflector)};
  document.path.clocks = session_.clocks;
  for (std::size_t host = 0; host < host_count; ++host) {
    document.path.nic[host].converted = session_.nic_converted[host];
  }
  return document;
}

void Run::account_losses(stats::PointLedger& ledger) const {
  // Others count what they could not take; which probes those were is not known, so the count moves
  // over in the sum.
  const auto move = [&](Point point, std::uint64_t count, Reason to) {
    auto& missing = ledger.at(slot(Host::sender, point)).missing;
    auto& by_kernel = missing[static_cast<std::size_t>(Reason::lost_by_kernel)];
    const auto moved = std::min(by_kernel, count);
    by_kernel -= moved;
    missing[static_cast<std::size_t>(to)] += moved;
  };
  const auto skipped = session_.nic ? session_.nic->tx_skipped() : std::nullopt;
  if (skipped) move(Point::tx_hardware, *skipped, Reason::skipped_by_nic);
  if (!session_.hooks) return;
  for (const auto& row : point_table) {
    if (session_.hooks->points_enabled().has(row.point)) {
      move(row.point, session_.hooks->dropped(row.point), Reason::lost_by_us);
    }
  }
}

/// At once, and not by the destructor: what goes wrong here belongs into the report.
void Run::restore_nic(report::RunDocument& document) {
  if (!session_.nic) return;
  if (auto restored = session_.nic->restore(); !restored) {
    document.notes.push_back(restored.error().brief());
  }
}

void Run::add_outcome(report::RunDocument& document, const Recorder& recorder,
                      const SenderCounters& sender) const {
  const auto& statistics = recorder.statistics();
  add_nic_clocks(document, session_, recorder);
  document.probes = statistics.probes();
  document.probes.duplicate += recorder.counters().late_duplicates;
  document.skipped = sender.skipped;
  document.jitter = statistics.jitter();
  document.violations = statistics.violations();
  document.blocks = statistics.blocks();
  // How well the hooks' clock was converted is known only now.
  for (auto& entry : document.environment) {
    if (entry.key == "hooks" && session_.hooks) entry.value = session_.hooks->description();
  }
}

void Run::add_nic_notes(report::RunDocument& document, const SenderCounters& sender) const {
  for (const auto& sentence : session_.leftovers) document.notes.push_back(sentence);
  const bool cut_short =
      config_.nic.ptp_disguise && config_.count == 0 && sender.sent == max_disguised_probes;
  if (cut_short) {
    document.notes.push_back(fmt::format(
        "A run in disguise ends after {} probes: more have no numbers that look like PTP",
        max_disguised_probes));
  }
  if (session_.nic) {
    for (const auto& remark : session_.nic->report().remarks) document.notes.push_back(remark);
    if (const auto& refused = session_.nic->clock_refused()) {
      document.notes.push_back(fmt::format(
          "The NIC's times are not compared with the host's clock: {}", refused->sentence()));
    }
  }
}

void Run::add_notes(report::RunDocument& document, const Recorder& recorder,
                    const SenderCounters& sender) const {
  const auto note = [&](std::uint64_t count, const char* text) {
    if (count > 0) document.notes.push_back(fmt::format("{} {}", count, text));
  };
  note(observations_.lost(),
       "observations were dropped because the record thread did not keep up; lower the rate");
  note(recorder.counters().forced_closes,
       "records were closed early because too many probes were under way");
  note(recorder.counters().impossible_hardware,
       "hardware timestamps cannot be of their packets and were left out");
  add_nic_notes(document, sender);
  note(recorder.counters().late_replies, "replies came after their record was closed");
  note(sender.malformed, "replies were malformed and ignored");
  note(sender.bad_hmac, "replies failed authentication and were ignored");
  note(sender.foreign, "replies belonged to another session and were ignored");
  note(sender.bad_reports, "reports of the reflector could not be read");
  const auto losses = session_.transport->losses();
  note(losses.receive_overflow, "datagrams found the socket's receive buffer full");
  note(losses.control_truncated, "control messages were cut off");
  note(losses.unreadable, "frames had a wrong checksum or length and were ignored");
  note(losses.past_program,
       "datagrams came through the kernel's stack, past the XDP program, and were not measured");
  note(losses.no_socket,
       "datagrams arrived on a receive queue that has no AF_XDP socket, and went to the stack");
  note(losses.unstamped, "frames had no room for the XDP program's times: their xdp_rx is missing");
  note(session_.reflector.dropped, "reports were lost at the reflector: its buffers were full");
  if (sender.undeliverable > 0) {
    document.notes.push_back(
        Error{.what = fmt::format("{} ICMP errors came back, the last with", sender.undeliverable),
              .sys_errno = sender.last_send_errno,
              .cause = "",
              .remedy = ""}
            .brief());
  }
  if (sender.send_failures > 0) {
    document.notes.push_back(
        Error{.what = fmt::format("{} sends failed, the last with", sender.send_failures),
              .sys_errno = sender.last_send_errno,
              .cause = "",
              .remedy = ""}
            .brief());
  }
  if (recorder.counters().reflector_clock_steps > 0 && recorder.clock_steps_ns().empty()) {
    document.notes.emplace_back(
        "The reflector's CLOCK_REALTIME was set in mid-run; the probes under way then are left "
        "out");
  }
  for (const auto step : recorder.clock_steps_ns()) {
    document.notes.push_back(fmt::format(
        "CLOCK_REALTIME was set by {} ms in mid-run; the probes under way then are left out",
        static_cast<double>(step) / 1e6));
  }
}

}  // namespace

Result<report::Summary> measure(const RunConfig& requested, RunControl& control) {
  RunConfig config = requested;
  if (config.schedule.seed == 0) {
    (void)::getrandom(&config.schedule.seed, sizeof config.schedule.seed, 0);
  }
  control.enter("opening the store");
  StoreSet stores;
  if (config.keep_store) {
    NETOBS_TRY(opened, StoreSet::open(config.stores, config.spool_directory, store_environment()));
    stores = std::move(opened);
  }
  NETOBS_TRY(run_id, store::make_run_id());
  std::optional<CaptureLog> capture;
  if (!config.capture.path.empty()) {
    capture.emplace();
    config.layers.wanted[index(Layer::pcap)] = true;
    config.taps.packets = [&capture](const CapturedPacket& packet, const HookEvent& event) {
      capture->take(packet, event);
    };
  }
  control.enter("warming up");
  NETOBS_TRY_VOID(enter_namespace(config.network_namespace_fd));
  // Refused only by exotic sandboxes; sleeps are then up to 50 us longer, which the report shows.
  (void)os::set_timer_slack_ns(1);
  NETOBS_TRY(session, prepare_session(config, control));
  if (config.taps.before_probes) NETOBS_TRY_VOID(config.taps.before_probes());
  Run run(config, control, std::move(stores), std::move(session), run_id,
          capture ? &*capture : nullptr);
  return run.execute();
}

}  // namespace netobs::app
