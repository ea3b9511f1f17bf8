#include "app/replay/replay.hpp"

#include <fmt/format.h>
#include <sys/random.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "app/replay/capture_merge.hpp"
#include "app/replay/replay_runs.hpp"
#include "core/wire/packet.hpp"

namespace netobs::app {
namespace {

constexpr std::uint64_t surveyed_packets = 100'000;
constexpr std::uint64_t packets_between_looks = 4096;
constexpr std::int64_t interval_ns = 1'000'000'000;

capture::MatcherConfig matcher_config(const ReplayConfig& config, bool two_points) {
  capture::MatcherConfig matcher;
  auto& session = matcher.session;
  session.match = config.match;
  session.timeout = config.timeout;
  session.two_points = two_points;
  session.at_sender = config.at_sender;
  session.at_reflector = config.at_reflector;
  if (config.same_clock) session.clocks.kind = stats::ClockRelation::Kind::same_clock;
  if (config.keep_store) session.interval_ns = interval_ns;
  matcher.ports = config.ports;
  matcher.ports.push_back(wire::default_port);
  matcher.number = config.number;
  // Without randomness the table is one that a capture could be made for; it is bounded all the
  // same.
  (void)::getrandom(&matcher.seed, sizeof matcher.seed, 0);
  return matcher;
}

Result<void> survey_one(const std::vector<std::string>& paths, unsigned point,
                        capture::Survey& survey) {
  NETOBS_TRY(files, CaptureFiles::open(paths, capture::Vantage::near));
  for (std::uint64_t i = 0; i < surveyed_packets; ++i) {
    NETOBS_TRY(packet, files.next());
    if (!packet) break;
    survey.on_packet(point, packet->link, packet->ns, packet->bytes);
  }
  return {};
}

/// Which files are of which point.
struct Points {
  std::vector<std::string> near{};
  std::vector<std::string> far{};
  std::optional<capture::SurveyResult> survey{};
  bool parts = false;  ///< of one capture, although they seem to have packets in common
};

bool is_stream(const std::string& path) {
  std::error_code none;
  return path == "-" || std::filesystem::is_fifo(path, none);
}

/// Of several files those that have no octet, as the newest one of a rotation has until something
/// is flushed. Not all of them: then there is nothing to read, which is an error.
std::vector<std::string> take_out_empty(std::vector<std::string>& paths) {
  const auto has_octets = [](const std::string& path) {
    std::error_code error;
    const bool empty = std::filesystem::is_regular_file(path, error) &&
                       std::filesystem::file_size(path, error) == 0 && !error;
    return !empty;
  };
  if (std::ranges::none_of(paths, has_octets)) return {};
  const auto rest = std::ranges::stable_partition(paths, has_octets);
  std::vector<std::string> empty(rest.begin(), rest.end());
  paths.erase(rest.begin(), rest.end());
  return empty;
}

/// A survey reads the beginnings of files that are read again later.
Result<void> check_rereadable(const ReplayConfig& config) {
  const auto all = {&config.files, &config.far_files};
  const bool several = config.files.size() + config.far_files.size() > 1;
  for (const auto* files : all) {
    const auto stream = std::ranges::find_if(*files, is_stream);
    if (several && stream != files->end()) {
      return fail({.what = fmt::format("read {} together with another capture",
                                       *stream == "-" ? "standard input" : *stream),
                   .cause = "A stream cannot be looked at beforehand.",
                   .remedy = "Save it to a file first.",
                   .exit = ExitCode::usage});
    }
  }
  return {};
}

Result<Points> find_points(const ReplayConfig& config) {
  NETOBS_TRY_VOID(check_rereadable(config));
  Points points{.near = config.files, .far = config.far_files};
  const bool named = !config.far_files.empty();
  if (!named && config.files.size() != 2) return points;
  if (!named) points = {.near = {config.files[0]}, .far = {config.files[1]}};
  capture::Survey survey(matcher_config(config, false));
  NETOBS_TRY_VOID(survey_one(points.near, 0, survey));
  NETOBS_TRY_VOID(survey_one(points.far, 1, survey));
  const auto result = survey.conclude();
  if (!result.two_points && !named) {
    return Points{.near = config.files, .parts = result.common > 0};
  }
  points.survey = result;
  if (result.common == 0) points.far.clear();
  if (result.second_is_near) std::swap(points.near, points.far);
  return points;
}

/// "near.pcap (Ethernet) and 2 more".
std::string text_of(const std::vector<capture::CaptureFile>& files) {
  if (files.empty()) return {};
  auto text = fmt::format("{} ({})", files.front().path, files.front().link);
  if (files.size() > 1) text += fmt::format(" and {} more", files.size() - 1);
  return text;
}

/// One replay in progress.
class Reading {
 public:
  Reading(const ReplayConfig& config, RunControl& control, StoreSet stores, CaptureMerge packets,
          bool two_points)
      : control_(control),
        packets_(std::move(packets)),
        runs_(config, std::move(stores)),
        replay_(matcher_config(config, two_points), runs_) {}

  [[nodiscard]] std::optional<Error> read();
  [[nodiscard]] capture::CaptureReport report();

 private:
  [[nodiscard]] std::optional<Error> look_up();

  RunControl& control_;
  CaptureMerge packets_;
  ReplayRuns runs_;
  capture::Replay replay_;
  bool stopped_ = false;
};

/// Between packets: is an end wanted, is there a sense in going on, how far is it?
std::optional<Error> Reading::look_up() {
  stopped_ = control_.stop().load();
  if (const auto done = packets_.progress()) {
    control_.enter(fmt::format("reading, {:.0f} %", *done * 100));
  }
  if (!replay_.out_of_order()) return std::nullopt;
  return Error{.what = "go on with this capture",
               .cause =
                   "Its times go back again and again: it is none of one clock, or was put "
                   "together out of order.",
               .remedy = "Put it in order first: reordercap FILE SORTED."};
}

std::optional<Error> Reading::read() {
  control_.enter("reading");
  for (std::uint64_t count = 1; !stopped_; ++count) {
    auto packet = packets_.next();
    if (!packet) return std::move(packet).error();
    if (!*packet) return std::nullopt;
    const auto& captured = (*packet)->captured;
    replay_.on_packet(captured.link, captured.ns, captured.bytes, (*packet)->vantage);
    if ((*packet)->vantage == capture::Vantage::far) {
      if (const auto offset = replay_.matcher().far_offset_ns()) packets_.follow(*offset);
    }
    if (count % packets_between_looks != 0) continue;
    if (auto error = look_up()) return error;
  }
  return std::nullopt;
}

capture::CaptureReport Reading::report() {
  replay_.finish();
  control_.enter("storing");
  capture::CaptureReport report;
  report.files = packets_.describe();
  report.first_ns = replay_.first_ns();
  report.last_ns = replay_.last_ns();
  report.packets = replay_.counters();
  report.unmatched = replay_.matcher().counters();
  report.census = replay_.census();
  report.stopped = stopped_;
  report.sessions = runs_.finish(replay_.matcher(), text_of(report.files));
  report.refused_sessions = runs_.refused();
  for (const auto& session : replay_.matcher().sessions()) {
    const auto& counters = session->counters();
    if (counters.requests == 0 && counters.unmeasured > 0) ++report.unmeasured_sessions;
  }
  for (auto& message : runs_.close_stores()) control_.tell(std::move(message));
  return report;
}

}  // namespace

Result<ReplayOutcome> replay(ReplayConfig config, RunControl& control) {
  auto empty_files = take_out_empty(config.files);
  for (auto& path : take_out_empty(config.far_files)) empty_files.push_back(std::move(path));
  NETOBS_TRY(points, find_points(config));
  NETOBS_TRY(near, CaptureFiles::open(points.near, capture::Vantage::near));
  CaptureMerge packets(std::move(near));
  if (!points.far.empty()) {
    NETOBS_TRY(far, CaptureFiles::open(points.far, capture::Vantage::far));
    packets.add_far(std::move(far), points.survey->offset_ns);
  }
  StoreSet stores;
  if (config.keep_store) {
    NETOBS_TRY(opened, StoreSet::open(config.stores, config.spool_directory, store_environment()));
    stores = std::move(opened);
  }
  Reading reading(config, control, std::move(stores), std::move(packets), !points.far.empty());
  ReplayOutcome outcome;
  outcome.error = reading.read();
  outcome.report = reading.report();
  outcome.report.empty_files = std::move(empty_files);
  outcome.report.match = config.match;
  outcome.report.survey = points.survey;
  outcome.report.repeating_parts = points.parts;
  outcome.report.own_times = config.at_sender || config.at_reflector || config.same_clock;
  return outcome;
}

}  // namespace netobs::app
