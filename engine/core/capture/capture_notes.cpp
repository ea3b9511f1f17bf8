#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "core/capture/capture_report.hpp"
#include "core/report/clean_text.hpp"
#include "core/report/format.hpp"

namespace netobs::capture {
namespace {

using report::counted;

/// After "600 packets", by Skip.
constexpr std::array<std::string_view, skip_count> skip_texts{
    "are not IP: MPLS, PPPoE and the like are not looked into",
    "end inside their headers, cut off by the snap length: tcpdump -s 0 keeps them whole",
    "have a broken IP header",
    "have too many VLAN tags or IPv6 extension headers",
    "are later fragments, which have no ports",
    "are neither UDP nor ICMP: TCP, and tunnels such as GRE, are not looked into",
    "are ICMP, but no echoes",
    "have a UDP length that cannot be"};

class Notes {
 public:
  void add(std::string text) { notes_.push_back(std::move(text)); }
  /// "3 packets", then the sentence; nothing for none.
  void count(std::uint64_t count, std::string_view noun, std::string_view sentence) {
    if (count > 0) add(fmt::format("{} {}", counted(count, noun), sentence));
  }
  [[nodiscard]] std::vector<std::string> take() { return std::move(notes_); }

 private:
  std::vector<std::string> notes_;
};

void add_clock_notes(const CaptureReport& report, Notes& notes) {
  notes.count(report.packets.clock_steps, "time",
              "the capture's clock went back by more than 10 ms: probes under way then are left "
              "out, and times before and after are not to be compared.");
}

/// Of fewer packets the times may be round by chance.
constexpr std::uint64_t enough_to_tell = 10;

/// Rounded down, a time may seem to lie before one that it follows.
void add_resolution(const CaptureReport& report, Notes& notes) {
  std::int64_t coarsest_ns = 1;
  for (const auto& file : report.files) {
    if (file.packets >= enough_to_tell) coarsest_ns = std::max(coarsest_ns, file.resolution_ns);
  }
  if (coarsest_ns >= 10'000) {
    notes.add(fmt::format(
        "The capture's times are multiples of {}: differences below that mean nothing. tcpdump "
        "--time-stamp-precision nano.",
        report::duration_text(static_cast<double>(coarsest_ns))));
  } else if (report.own_times && coarsest_ns >= 1'000) {
    notes.add(
        "The capture's times are whole microseconds, those of the hosts are finer: differences "
        "below 1 us mean nothing, and an order may seem wrong by as much. tcpdump "
        "--time-stamp-precision nano.");
  }
}

void add_times(const CaptureReport& report, Notes& notes) {
  notes.count(
      report.packets.without_time, "packet",
      "without a time that can be (none, before 1970 or past 2116): round trips and loss of "
      "these mean nothing.");
}

void add_survey_notes(const CaptureReport& report, Notes& notes) {
  if (report.repeating_parts) {
    notes.add(
        "Packets of the two files look the same, but nothing shows that they are the same ones: "
        "the files are read as parts of one capture. Were they taken at two places: --far FILE.");
  }
  if (!report.survey) return;
  if (report.survey->common == 0) {
    notes.add(
        "The two captures have no packet in common: only the first one was used. Are they of the "
        "same time, and is no address translated between them?");
    return;
  }
  if (!report.survey->direction_known) {
    notes.add(
        "Which capture is nearer to the sender is not told by the packets: the first one is taken "
        "for it.");
  }
  notes.count(report.unmatched.far_unknown, "packet",
              "of the far capture without a probe in the near one.");
}

void add_files(const CaptureReport& report, Notes& notes) {
  for (const auto& file : report.files) {
    if (file.ended_early) {
      notes.add(fmt::format("{} ends early: {} What came before counts.",
                            report::clean_text(file.path), *file.ended_early));
    }
  }
  for (const auto& path : report.empty_files) {
    notes.add(fmt::format("{} is empty: nothing has been written to it yet, and it is left out.",
                          report::clean_text(path)));
  }
  if (report.stopped) notes.add("Reading was stopped: the rest of the capture is not in this.");
}

}  // namespace

std::vector<std::string> notes_of(const CaptureReport& report) {
  Notes notes;
  add_files(report, notes);
  add_clock_notes(report, notes);
  add_times(report, notes);
  add_resolution(report, notes);
  add_survey_notes(report, notes);
  notes.count(report.packets.first_fragments, "datagram",
              "in fragments: only the first ones are looked at.");
  notes.count(report.refused_sessions, "session",
              "not shown: so many at once have no room. Select some with a filter: tcpdump -r "
              "FILE -w PART 'udp port ...'.");
  notes.count(report.unmatched.over_limit, "request",
              "of sessions beyond the limit of one flow or one capture.");
  notes.count(report.unmatched.flows_dropped, "flow",
              "dropped to make room for others, before a reply showed what they are.");
  notes.count(report.unmeasured_sessions, "session", "of netobs itself (its warm-up) left out.");
  return notes.take();
}

std::vector<std::string> notes_of(const SessionCounters& counters) {
  Notes notes;
  notes.count(counters.unmeasured, "request",
              "of netobs itself (warm-up and drain), which no record is made of");
  notes.count(counters.orphan_replies, "reply packet", "without a request in the capture");
  notes.count(counters.hidden_replies, "reply packet",
              "captured without the number that it answers, for the snap length is too short: what "
              "counts as "
              "lost here may well have been answered. tcpdump -s 0 keeps it");
  notes.count(counters.duplicate_requests, "request",
              "seen a second time (captured at two places, or sent twice): the first one counts");
  notes.count(
      counters.replies_seen_again, "reply packet",
      "seen a second time, as its request was: the first one counts, and this is no duplicate");
  notes.count(
      counters.restarts, "time",
      "the sender's numbers went back (it began anew, or does not count up); they go on behind "
      "those before");
  notes.count(counters.hidden_tlvs, "request",
              "captured without TLVs: the snap length is too short to tell probes from "
              "warm-up and drain, and the reflector's timestamps in later replies may be missing. "
              "tcpdump -s 0 keeps them");
  notes.count(counters.unreadable_replies, "reply packet", "unreadable beyond the number");
  notes.count(counters.cut_off, "request",
              "without a reply when the capture ended, within the timeout: counted as lost");
  return notes.take();
}

namespace {

/// What most of the packets are that were not looked into; empty: all were.
std::string largest_skip(const ReplayCounters& counters) {
  const auto* most = std::ranges::max_element(counters.skipped);
  if (*most == 0) return {};
  const auto reason = static_cast<std::size_t>(most - counters.skipped.begin());
  return fmt::format(" {} {}.", counted(*most, "packet"), skip_texts[reason]);
}

}  // namespace

std::string nothing_found(const CaptureReport& report) {
  if (!report.first_ns) return "The capture holds no packets.";
  std::string text = fmt::format("No {} session in {}.",
                                 report.match == Match::stamp  ? "STAMP or TWAMP-Light"
                                 : report.match == Match::icmp ? "ping"
                                                               : "UDP echo",
                                 counted(report.packets.packets, "packet"));
  text += largest_skip(report.packets);
  if (report.census.echo_requests() > 0 && report.match != Match::icmp) {
    text += fmt::format(" There are {}: --match icmp.",
                        counted(report.census.echo_requests(), "ICMP echo request"));
  }
  if (report.census.udp_echoes() > 0 && report.match != Match::udp_echo) {
    text += fmt::format(" {} repeat what came the other way: --match udp-echo.",
                        counted(report.census.udp_echoes(), "UDP datagram"));
  }
  const auto ports = report.census.ports(5);
  if (!ports.empty()) {
    text += " UDP by port:";
    for (const auto& port : ports) {
      text += fmt::format(" {} ({}),", port.port, counted(port.datagrams, "datagram"));
    }
    text.back() = '.';
    if (report.match == Match::stamp) text += " A reflector on another port than 862: --port.";
  }
  return text;
}

std::string kind_text(const SessionReport& session) {
  if (session.match == Match::icmp) return "ping";
  if (session.match == Match::udp_echo) return "UDP echo";
  if (session.identity.mode == wire::Mode::authenticated) return "STAMP, auth";
  return session.identity.ssid ? "STAMP" : "TWAMP-Light";
}

}  // namespace netobs::capture
