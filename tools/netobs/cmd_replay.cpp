#include <fmt/format.h>

#include <array>
#include <charconv>
#include <memory>
#include <optional>
#include <utility>

#include "app/replay/replay.hpp"
#include "command.hpp"
#include "core/report/format.hpp"
#include "html_page.hpp"
#include "live_run.hpp"
#include "run_options.hpp"

namespace netobs::cli {
namespace {

constexpr const char* footer =
    "\nExamples:\n"
    "  tcpdump -i eth0 -w probes.pcap udp port 862       (elsewhere, while probes run)\n"
    "  netobs replay probes.pcap                         STAMP and TWAMP-Light, found by evidence\n"
    "  netobs replay near.pcap far.pcapng                two points: where between them time goes\n"
    "  netobs replay --far far-*.pcap --near near-*.pcap the same, of rotated files\n"
    "  netobs replay --match icmp ping.pcap              pings\n"
    "  netobs replay --match udp-echo echo.pcap --number-at 0:8    answers that differ, but for a "
    "number at 0\n"
    "  zstd -dc big.pcap.zst | netobs replay - --no-store --json -\n"
    "\nThe round trip is the one at the place of the capture. Of two captures of the same packets\n"
    "the one nearer to the sender is found by itself; several files that are not are one capture\n"
    "in several parts. Clocks of two captures need not agree.";

constexpr std::array<std::pair<const char*, capture::Match>, 3> matches{
    {{"stamp", capture::Match::stamp},
     {"udp-echo", capture::Match::udp_echo},
     {"icmp", capture::Match::icmp}}};

struct ReplayOptions {
  std::vector<std::string> files;
  std::vector<std::string> near;
  std::vector<std::string> far;
  std::string match = "stamp";
  std::vector<std::uint16_t> ports;
  std::string number_at;
  std::string timeout = "1s";
  bool at_sender = false;
  bool at_reflector = false;
  bool same_clock = false;
  std::string session;
  std::string json_file;
  std::string html_file;
  bool quiet = false;
  RunOptions stores;  // of these only where rows go
};

Error usage(std::string what, std::string remedy) {
  return {
      .what = std::move(what), .cause = "", .remedy = std::move(remedy), .exit = ExitCode::usage};
}

std::optional<std::uint64_t> whole_number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || code != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// OFFSET or OFFSET:OCTETS.
Result<capture::NumberField> parse_number_field(const std::string& text) {
  constexpr std::uint64_t longest_payload = 65'527;
  const auto colon = text.find(':');
  const auto offset = whole_number(std::string_view(text).substr(0, colon));
  const auto octets = colon == std::string::npos
                          ? std::optional<std::uint64_t>(4)
                          : whole_number(std::string_view(text).substr(colon + 1));
  const bool sound = offset && *offset < longest_payload && octets &&
                     (*octets == 2 || *octets == 4 || *octets == 8);
  if (!sound) {
    return fail(usage(fmt::format("--number-at {}", text),
                      "It is OFFSET or OFFSET:OCTETS within the payload, with 2, 4 or 8 octets."));
  }
  return capture::NumberField{static_cast<std::size_t>(*offset), static_cast<std::size_t>(*octets)};
}

Result<capture::SessionChoice> parse_choice(const std::string& text) {
  if (text.empty()) return capture::SessionChoice{};
  if (text == "all") return capture::SessionChoice{.all = true, .number = {}};
  const auto number = whole_number(text);
  if (!number || *number == 0) {
    return fail(usage(fmt::format("--session {}", text), "It is all, or a number of the table."));
  }
  return capture::SessionChoice{.all = false, .number = static_cast<std::size_t>(*number)};
}

Result<app::ReplayConfig> to_config(const ReplayOptions& options) {
  app::ReplayConfig config;
  config.files = options.files;
  for (const auto& file : options.near) config.files.push_back(file);
  config.far_files = options.far;
  if (config.files.empty()) {
    return fail(usage("no capture given", "Name a file, or - for standard input."));
  }
  for (const auto& [text, match] : matches) {
    if (options.match == text) config.match = match;
  }
  config.ports = options.ports;
  if (!options.number_at.empty()) {
    NETOBS_TRY(field, parse_number_field(options.number_at));
    config.number = field;
  }
  NETOBS_TRY(timeout, parse_duration(options.timeout));
  config.timeout = timeout;
  config.at_sender = options.at_sender;
  config.at_reflector = options.at_reflector;
  config.same_clock = options.same_clock;
  config.stores = options.stores.chosen_stores();
  config.keep_store = !config.stores.empty();
  config.spool_directory = default_spool_directory();
  return config;
}

Result<void> write_forms(const ReplayOptions& options, const capture::SessionChoice& choice,
                         const capture::CaptureReport& report, const app::ReplayConfig& config) {
  const bool taken = options.json_file == "-" || options.html_file == "-";
  if (!options.quiet && !taken) {
    fmt::print("{}", capture::render_text(report, choice, terminal_style()));
  }
  if (!options.json_file.empty()) {
    NETOBS_TRY_VOID(write_output(options.json_file, capture::render_json(report, choice)));
  }
  const auto chosen = capture::chosen(report, choice);
  if (!options.html_file.empty() && !chosen.empty()) {
    NETOBS_TRY_VOID(write_page(config.stores.front(), chosen.front()->summary.document.run.id,
                               options.html_file));
  }
  return {};
}

ExitCode status_of(const capture::CaptureReport& report) {
  for (const auto& session : report.sessions) {
    if (!report::is_sound(session.summary.document.violations)) return ExitCode::invariant;
  }
  return ExitCode::ok;
}

int run_replay(const ReplayOptions& options, std::string command_line) {
  auto config = to_config(options);
  if (!config) return report_error(config.error());
  const auto choice = parse_choice(options.session);
  if (!choice) return report_error(choice.error());
  config->command_line = std::move(command_line);
  std::optional<Result<app::ReplayOutcome>> outcome;
  const auto watched = run_watched({}, progress_line(options.quiet), [&](app::RunControl& control) {
    outcome = app::replay(*config, control);
  });
  if (!watched) return report_error(watched.error());
  if (!*outcome) return report_error(outcome->error());
  const auto& report = (*outcome)->report;
  if (const auto written = write_forms(options, *choice, report, *config); !written) {
    return report_error(written.error());
  }
  if (const auto& error = (*outcome)->error) return report_error(*error);
  if (report.sessions.empty()) {
    return report_error({.what = capture::nothing_found(report),
                         .cause = "",
                         .remedy = "",
                         .exit = ExitCode::failed});
  }
  if (capture::chosen(report, *choice).empty()) {
    return report_error(usage(fmt::format("--session {}", options.session),
                              "The table names the sessions that there are."));
  }
  return static_cast<int>(status_of(report));
}

void add_input(CLI::App& command, ReplayOptions& options) {
  command.add_option("FILE", options.files,
                     "Captures, pcap or pcapng, also compressed; - is standard input");
  const auto* input = "Captures";
  command
      .add_option("--near", options.near,
                  "The same as FILE, for command lines where it would be unclear")
      ->group(input);
  command
      .add_option("--far", options.far,
                  "Captures of the same packets, nearer to the reflector (or to the sender: that "
                  "is found out)")
      ->group(input);
  command
      .add_flag("--at-sender", options.at_sender,
                "The (near) capture was taken on the sender's own host: what lies between its T1 "
                "and the capture is shown. It takes nanoseconds: tcpdump --time-stamp-precision "
                "nano")
      ->group(input);
  command
      .add_flag("--at-reflector", options.at_reflector,
                "The far capture was taken on the reflector's own host: what lies between it and "
                "the reflector's own times is shown")
      ->group(input);
  command
      .add_flag("--same-clock", options.same_clock,
                "All captures and the reflector have one clock (one machine): one-way delays are "
                "shown")
      ->group(input);
}

void add_matching(CLI::App& command, ReplayOptions& options) {
  const auto* matching = "What to look for";
  auto* match =
      command
          .add_option("--match", options.match,
                      "stamp: STAMP and TWAMP-Light, by replies that repeat what a request said; "
                      "udp-echo: any UDP whose payload comes back; icmp: pings")
          ->capture_default_str()
          ->check(CLI::IsMember({"stamp", "udp-echo", "icmp"}))
          ->group(matching);
  command
      .add_option("--port", options.ports,
                  "A reflector's UDP port beside 862: requests to it count even unanswered "
                  "(repeatable)")
      ->allow_extra_args(false)
      ->check(CLI::Range(1, 65535))
      ->group(matching);
  command
      .add_option("--number-at", options.number_at,
                  "For udp-echo: requests and replies have the same number at OFFSET[:OCTETS] of "
                  "the payload, big endian, and may differ elsewhere")
      ->needs(match)
      ->group(matching);
  command.add_option("--timeout", options.timeout, "A reply later than this counts as late")
      ->capture_default_str()
      ->group(matching);
}

void add_results(CLI::App& command, ReplayOptions& options) {
  const auto* output = "Results";
  command
      .add_option("--session", options.session,
                  "Which session to report in full: its number in the table, or all (default: the "
                  "one with most requests)")
      ->group(output);
  options.stores.add_stores(command);
  command
      .add_option("--json", options.json_file,
                  "Write all sessions as JSON to a file, or - for standard output")
      ->group(output);
  command
      .add_option("--html", options.html_file,
                  "Write one HTML page with charts of the session to a file; it is made from the "
                  "(first) store")
      ->excludes(command.get_option("--no-store"))
      ->group(output);
  command.add_flag("-q,--quiet", options.quiet, "No progress and no text")->group(output);
}

std::string files_text(const ReplayOptions& options) {
  std::string text;
  for (const auto& file : options.files) text += " " + file;
  return text;
}

}  // namespace

Run add_replay(CLI::App& command) {
  auto options = std::make_shared<ReplayOptions>();
  add_input(command, *options);
  add_matching(command, *options);
  add_results(command, *options);
  command.footer(footer);
  return [options, &command] {
    return run_replay(*options, "netobs replay" + files_text(*options) + describe_options(command));
  };
}

}  // namespace netobs::cli
