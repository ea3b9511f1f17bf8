#include "core/conditions/iperf3.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/report/clean_text.hpp"

namespace netobs::conditions {
namespace {

using Json = nlohmann::json;
constexpr const char* what = "measure throughput with iperf3";
constexpr double ns_per_ms = 1e6;
constexpr double most = 1e18;  // more than any link or counter; keeps the conversions defined

struct Message {
  std::string_view part;
  int code;
  const char* remedy;
};
constexpr std::array messages{
    Message{"onnection refused", ECONNREFUSED,
            "Start the servers on the other host: netobs reflect --iperf3."},
    Message{"timed out", ETIMEDOUT, "Let the two iperf3 ports through the firewalls."},
    Message{"server is busy", EBUSY, "Another test runs there: try again when it has ended."},
    Message{"No route", EHOSTUNREACH, "Check the route and the firewalls."},
    Message{"unreachable", ENETUNREACH, "Check the route and the firewalls."},
};

std::unexpected<Error> refusal(const std::string& text) {
  constexpr std::size_t longest = 200;
  Error error{.what = what,
              .sys_errno = EPROTO,
              .cause = fmt::format("iperf3 says: {}.", report::clean_text(text.substr(0, longest))),
              .remedy = ""};
  for (const auto& row : messages) {
    if (text.find(row.part) == std::string::npos) continue;
    error.sys_errno = row.code;
    error.remedy = row.remedy;
    break;
  }
  return fail(std::move(error));
}

std::unexpected<Error> garbage(std::string cause) {
  return fail({.what = what,
               .sys_errno = EBADMSG,
               .cause = std::move(cause),
               .remedy = "Look at what this writes: iperf3 --client HOST --port PORT --json."});
}

/// The member of that name, or null.
const Json& member(const Json& object, const char* name) {
  static const Json nothing;
  if (!object.is_object()) return nothing;
  const auto found = object.find(name);
  return found == object.end() ? nothing : *found;
}

std::optional<double> number(const Json& object, const char* name) {
  const Json& value = member(object, name);
  if (!value.is_number()) return std::nullopt;
  const auto read = value.get<double>();
  if (!(read >= 0 && read <= most)) return std::nullopt;
  return read;
}

std::optional<std::uint64_t> count(const Json& object, const char* name) {
  const auto read = number(object, name);
  if (!read) return std::nullopt;
  return static_cast<std::uint64_t>(*read);
}

void read_udp(const Json& end, Throughput& result) {
  const Json& received = member(end, "sum_received");
  const Json& from = number(received, "jitter_ms") ? received : member(end, "sum");
  if (const auto jitter = number(from, "jitter_ms")) result.jitter_ns = *jitter * ns_per_ms;
  result.lost = count(from, "lost_packets");
  result.packets = count(from, "packets");
  // Some versions count what was received of an upload only at the sender.
  const Json& sum = member(end, "sum");
  if (!result.packets || *result.packets == 0) result.packets = count(sum, "packets");
  if (result.lost && result.packets && *result.lost > *result.packets) result.lost = result.packets;
}

}  // namespace

Result<Throughput> parse_iperf3(std::string_view json) {
  if (json.size() > max_iperf3_bytes) {
    return garbage(fmt::format("It wrote more than {} bytes.", max_iperf3_bytes));
  }
  const Json document = Json::parse(json, nullptr, false);
  if (!document.is_object()) return garbage("It wrote something that is no JSON object.");
  if (const Json& error = member(document, "error"); error.is_string()) {
    return refusal(error.get<std::string>());
  }
  const Json& end = member(document, "end");
  const Json& test = member(member(document, "start"), "test_start");
  const Json& protocol = member(test, "protocol");
  const bool udp = protocol.is_string() && protocol.get<std::string>() == "UDP";
  const Json& sum = member(end, "sum");
  const Json& sent = member(end, "sum_sent").is_object() ? member(end, "sum_sent") : sum;
  const Json& received =
      member(end, "sum_received").is_object() ? member(end, "sum_received") : sum;
  const auto sent_bps = number(sent, "bits_per_second");
  const auto received_bps = number(received, "bits_per_second");
  if (!sent_bps || !received_bps) return garbage("Its JSON holds no sum of the test.");

  Throughput result{.sent_bps = *sent_bps, .received_bps = *received_bps};
  result.target_bps = number(test, "target_bitrate").value_or(0);
  result.bytes = number(sent, "bytes").value_or(0);
  // The shorter of the two: in it both ends were at work.
  result.seconds =
      std::min(number(sent, "seconds").value_or(0), number(received, "seconds").value_or(0));
  if (udp) {
    read_udp(end, result);
  } else {
    result.retransmits = count(sent, "retransmits");
    result.segment_bytes = number(member(document, "start"), "tcp_mss_default");
  }
  const Json& cpu = member(end, "cpu_utilization_percent");
  result.local_cpu_percent = number(cpu, "host_total");
  result.remote_cpu_percent = number(cpu, "remote_total");
  return result;
}

}  // namespace netobs::conditions
