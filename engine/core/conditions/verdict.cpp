#include "core/conditions/verdict.hpp"

#include <fmt/format.h>

#include <cerrno>

#include "core/report/clean_text.hpp"
#include "core/report/format.hpp"

namespace netobs::conditions {
namespace {

Verdict verdict_of_failure(int code) {
  switch (code) {
    case ECONNREFUSED:  // the host is there and nobody listens
    case EBUSY:
      return Verdict::host_issue;
    case EHOSTUNREACH:
    case ENETUNREACH:
      return Verdict::network_issue;
    default:
      return Verdict::unknown;
  }
}

/// Of an item without a figure.
template <class T>
Judgement without(const Item<T>& item) {
  if (!item.failure) return {Verdict::unknown, "not measured"};
  return {verdict_of_failure(item.failure->sys_errno), reason_of(*item.failure)};
}

Judgement judge_dns(const Conditions& conditions, const Thresholds& limits) {
  const auto& item = conditions.resolution;
  if (!item.value) {
    auto judged = without(item);
    if (item.failure) judged.verdict = Verdict::network_issue;
    return judged;
  }
  if (!item.value->dns_ns) return {Verdict::fine, "an address: nothing to look up"};
  if (*item.value->dns_ns >= limits.dns_ns) {
    return {Verdict::network_issue, "the name server is slow"};
  }
  return {Verdict::fine, ""};
}

Judgement judge_local(const Conditions& conditions, const Thresholds&) {
  if (conditions.local.value) return {Verdict::fine, ""};
  auto judged = without(conditions.local);
  // Only the routing table was asked.
  if (conditions.local.failure) judged.verdict = Verdict::host_issue;
  return judged;
}

Judgement judge_public(const Conditions& conditions, const Thresholds&) {
  if (conditions.public_ip.value) return {Verdict::fine, ""};
  auto judged = without(conditions.public_ip);
  judged.verdict = Verdict::unknown;  // the service is somebody else's
  return judged;
}

Judgement judge_mtu(const Conditions& conditions, const Thresholds& limits) {
  const auto& item = conditions.path_mtu;
  if (!item.value) return without(item);
  if (item.value->bytes < limits.mtu_bytes) {
    return {Verdict::network_issue, "packets of a usual size are fragmented or lost"};
  }
  if (!item.value->confirmed) return {Verdict::unknown, "no echo of this size came back"};
  return {Verdict::fine, ""};
}

Judgement judge_hops(const Conditions& conditions, const Thresholds&) {
  if (conditions.hops()) return {Verdict::fine, ""};
  return {Verdict::unknown, "no echo reply to read it from"};
}

bool any_throughput(const Conditions& conditions) {
  return conditions.tcp_upload.value || conditions.tcp_download.value ||
         conditions.udp_upload.value || conditions.udp_download.value;
}

Judgement judge_echo(const Conditions& conditions, const Thresholds& limits) {
  if (!conditions.echo.value) return without(conditions.echo);
  const EchoSeries& echo = *conditions.echo.value;
  if (echo.sent == 0) return {Verdict::unknown, "nothing was sent"};
  if (echo.received == 0) {
    if (any_throughput(conditions)) {
      return {Verdict::unknown, "no reply, but iperf3 got through: echoes are filtered"};
    }
    if (echo.last_errno == 0) return {Verdict::network_issue, "no reply"};
    const Error said{.what = "no reply", .sys_errno = echo.last_errno, .cause = "", .remedy = ""};
    return {Verdict::network_issue, said.brief()};
  }
  if (echo.loss() >= limits.loss) return {Verdict::network_issue, "echoes are lost"};
  if (static_cast<double>(echo.rtt.quantile(stats::p50).value_or(0)) >= limits.rtt_ns) {
    return {Verdict::network_issue, "the way is long or its queues are full"};
  }
  if (echo.jitter_ns.value_or(0) >= limits.jitter_ns) {
    return {Verdict::network_issue, "the round trip varies much"};
  }
  return {Verdict::fine, ""};
}

Judgement judge_test(const Item<Throughput>& item, const Thresholds& limits) {
  if (!item.value) return without(item);
  const Throughput& test = *item.value;
  if (test.local_cpu_percent.value_or(0) >= limits.cpu_percent) {
    return {Verdict::host_issue, "iperf3 had no CPU left on this host: the link may carry more"};
  }
  if (test.remote_cpu_percent.value_or(0) >= limits.cpu_percent) {
    return {Verdict::host_issue,
            "iperf3 had no CPU left on the other host: the link may carry more"};
  }
  if (test.target_bps > 0 && test.sent_bps < limits.rate_kept * test.target_bps) {
    return {Verdict::host_issue, "the sender did not keep the target rate"};
  }
  if (test.loss().value_or(0) >= limits.loss) {
    return {Verdict::network_issue, "datagrams are lost"};
  }
  if (test.retransmit_share().value_or(0) >= limits.retransmits) {
    return {Verdict::network_issue, "segments had to be sent again"};
  }
  if (test.jitter_ns.value_or(0) >= limits.jitter_ns) {
    return {Verdict::network_issue, "the delay varies much"};
  }
  return {Verdict::fine, ""};
}

constexpr std::array<ItemRow, item_count> items{{
    {"dns", "DNS", judge_dns},
    {"private_ip", "private IP", judge_local},
    {"public_ip", "public IP", judge_public},
    {"path_mtu", "path MTU", judge_mtu},
    {"hops", "hops", judge_hops},
    {"latency", "latency", judge_echo},
    {"tcp_upload", "TCP upload",
     [](const Conditions& c, const Thresholds& t) { return judge_test(c.tcp_upload, t); }},
    {"tcp_download", "TCP download",
     [](const Conditions& c, const Thresholds& t) { return judge_test(c.tcp_download, t); }},
    {"udp_upload", "UDP upload",
     [](const Conditions& c, const Thresholds& t) { return judge_test(c.udp_upload, t); }},
    {"udp_download", "UDP download",
     [](const Conditions& c, const Thresholds& t) { return judge_test(c.udp_download, t); }},
}};

}  // namespace

std::string_view name(Verdict verdict) {
  switch (verdict) {
    case Verdict::fine:
      return "fine";
    case Verdict::network_issue:
      return "network issue";
    case Verdict::host_issue:
      return "host issue";
    case Verdict::unknown:
      break;
  }
  return "unknown";
}

const std::array<ItemRow, item_count>& item_table() {
  return items;
}

std::string reason_of(const Error& error) {
  auto reason = error.brief();
  if (!error.cause.empty() && reason.find(error.cause) == std::string::npos) {
    reason += ". " + error.cause;
  }
  if (!error.remedy.empty()) reason += " " + error.remedy;
  return report::clean_text(reason);
}

std::string thresholds_text(const Thresholds& limits) {
  return fmt::format(
      "A network issue is: loss or retransmissions from {} on, a median round trip from {}, "
      "jitter from {}, a look-up from {}, a path MTU below {} bytes. A host issue is: {:.0f} % of "
      "a CPU used by iperf3 on either host, less than {} of the target rate sent, no route, or a "
      "port that refuses.",
      report::percent_text(limits.loss), report::duration_text(limits.rtt_ns),
      report::duration_text(limits.jitter_ns), report::duration_text(limits.dns_ns),
      limits.mtu_bytes, limits.cpu_percent, report::percent_text(limits.rate_kept));
}

}  // namespace netobs::conditions
