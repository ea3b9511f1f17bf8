#include "app/selftest/independent_capture.hpp"

#include <fmt/format.h>

#include <charconv>
#include <chrono>
#include <sstream>
#include <utility>

#include "core/wire/packet.hpp"

namespace netobs::app::selftest {
namespace {

constexpr Duration longest_start = std::chrono::seconds(10);

/// "1764028800.123456789" in nanoseconds; nullopt for anything else.
std::optional<std::int64_t> epoch_ns(std::string_view text) {
  constexpr std::size_t digits = 9;
  const auto dot = text.find('.');
  if (dot == std::string_view::npos || text.size() - dot - 1 != digits) return std::nullopt;
  const auto parse = [](std::string_view part) -> std::optional<std::int64_t> {
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), value);
    if (error != std::errc() || end != part.data() + part.size()) return std::nullopt;
    return value;
  };
  const auto seconds = parse(text.substr(0, dot));
  const auto fraction = parse(text.substr(dot + 1));
  if (!seconds || !fraction) return std::nullopt;
  return *seconds * 1'000'000'000 + *fraction;
}

/// Lines of: time, destination port, sequence, sender's sequence (replies only).
std::map<std::uint64_t, std::int64_t> round_trips(const std::string& lines, std::uint64_t count) {
  std::map<std::uint64_t, std::int64_t> sent;
  std::map<std::uint64_t, std::int64_t> result;
  std::istringstream input(lines);
  for (std::string line; std::getline(input, line);) {
    std::istringstream fields(line);
    std::string time;
    std::uint64_t port = 0;
    std::uint64_t sequence = 0;
    if (!(fields >> time >> port >> sequence)) continue;
    const auto ns = epoch_ns(time);
    if (!ns) continue;
    if (port == wire::default_port) {
      if (sequence < count) sent.try_emplace(sequence, *ns);
      continue;
    }
    std::uint64_t sender_sequence = 0;
    if (!(fields >> sender_sequence)) continue;
    const auto at = sent.find(sender_sequence);
    if (at != sent.end()) result.try_emplace(sender_sequence, *ns - at->second);
  }
  return result;
}

}  // namespace

Result<IndependentCapture> IndependentCapture::start(const os::NetworkNamespace& where,
                                                     const std::string& interface) {
  NETOBS_TRY(version, os::run_process({"tshark", "--version"}, ""));
  (void)version;
  NETOBS_TRY(folder, os::TemporaryFolder::make());
  NETOBS_TRY(scope, os::NamespaceScope::enter(where));
  (void)scope;
  NETOBS_TRY(tcpdump, os::BackgroundProcess::start({"timeout", "60", "tcpdump", "-Z", "root", "-i",
                                                    interface, "--time-stamp-precision=nano",
                                                    "--immediate-mode", "-U", "-w",
                                                    folder->path() + "/run.pcap", "udp", "port",
                                                    std::to_string(wire::default_port)}));
  if (!tcpdump.wait_for_output("listening on", longest_start)) {
    return fail(
        {.what = "start tcpdump: " + tcpdump.output(), .sys_errno = 0, .cause = "", .remedy = ""});
  }
  return IndependentCapture(std::move(folder), std::move(tcpdump));
}

Result<std::map<std::uint64_t, std::int64_t>> IndependentCapture::finish(std::uint64_t count) {
  (void)tcpdump_.stop();
  NETOBS_TRY(output,
             os::run_process({"tshark", "-r", folder_->path() + "/run.pcap", "-n", "-d",
                              fmt::format("udp.port=={},twamp.test", wire::default_port), "-Y",
                              fmt::format("twamp.test.seq_number < {0} || "
                                          "twamp.test.sender_seq_number < {0}",
                                          count),
                              "-T", "fields", "-e", "frame.time_epoch", "-e", "udp.dstport", "-e",
                              "twamp.test.seq_number", "-e", "twamp.test.sender_seq_number"},
                             ""));
  auto trips = round_trips(output.text, count);
  if (trips.empty()) {
    return fail({.what = "read the capture with tshark: " + output.text.substr(0, 200),
                 .sys_errno = 0,
                 .cause = "",
                 .remedy = ""});
  }
  return trips;
}

}  // namespace netobs::app::selftest
