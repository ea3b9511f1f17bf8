#include <nlohmann/json.hpp>

#include "core/conditions/json_parts.hpp"
#include "core/conditions/render.hpp"

namespace netobs::conditions {
namespace {

Json dns_figures(const Conditions& c) {
  if (!c.resolution.value) return nullptr;
  return {{"address", c.resolution.value->address},
          {"dns_ns", or_null(c.resolution.value->dns_ns)}};
}

Json local_figures(const Conditions& c) {
  if (!c.local.value) return nullptr;
  return {{"address", c.local.value->address}, {"interface", c.local.value->interface}};
}

Json public_figures(const Conditions& c) {
  if (!c.public_ip.value) return nullptr;
  return {{"address", *c.public_ip.value}};
}

Json mtu_figures(const Conditions& c) {
  if (!c.path_mtu.value) return nullptr;
  return {{"bytes", c.path_mtu.value->bytes}, {"confirmed", c.path_mtu.value->confirmed}};
}

Json hop_figures(const Conditions& c) {
  if (!c.hops()) return nullptr;
  return {{"count", *c.hops()}, {"ttl", *c.echo.value->ttl}};
}

Json echo_figures(const Conditions& c) {
  if (!c.echo.value) return nullptr;
  const EchoSeries& echo = *c.echo.value;
  Json json{{"method", echo.method},
            {"sent", echo.sent},
            {"received", echo.received},
            {"loss", echo.loss()},
            {"kernel_stamped", echo.kernel_stamped},
            {"min_ns", or_null(echo.rtt.min())},
            {"mean_ns", or_null(echo.rtt.mean())},
            {"max_ns", or_null(echo.rtt.max())}};
  for (const auto& row : stats::quantile_table) {
    json[std::string(row.key) + "_ns"] = or_null(echo.rtt.quantile(row.quantile));
  }
  json["jitter_ns"] = or_null(echo.jitter_ns);
  return json;
}

Json test_figures(const Item<Throughput>& item) {
  return item.value ? throughput_json(*item.value) : Json(nullptr);
}

/// In the order of item_table().
constexpr std::array<Json (*)(const Conditions&), item_count> figures{
    dns_figures,
    local_figures,
    public_figures,
    mtu_figures,
    hop_figures,
    echo_figures,
    [](const Conditions& c) { return test_figures(c.tcp_upload); },
    [](const Conditions& c) { return test_figures(c.tcp_download); },
    [](const Conditions& c) { return test_figures(c.udp_upload); },
    [](const Conditions& c) { return test_figures(c.udp_download); },
};

}  // namespace

Json throughput_json(const Throughput& test) {
  return {{"sent_bps", test.sent_bps},
          {"received_bps", test.received_bps},
          {"target_bps", test.target_bps > 0 ? Json(test.target_bps) : Json(nullptr)},
          {"retransmits", or_null(test.retransmits)},
          {"jitter_ns", or_null(test.jitter_ns)},
          {"packets", or_null(test.packets)},
          {"lost", or_null(test.lost)},
          {"loss", or_null(test.loss())},
          {"local_cpu_percent", or_null(test.local_cpu_percent)},
          {"remote_cpu_percent", or_null(test.remote_cpu_percent)}};
}

std::string check_json(const Conditions& conditions, const Thresholds& limits) {
  Json json{{"schema", "netobs.check/1"},
            {"id", conditions.id},
            {"started_at_ns", conditions.started_at_ns},
            {"target", conditions.target},
            {"interrupted", conditions.interrupted},
            {"thresholds",
             {{"loss", limits.loss},
              {"retransmits", limits.retransmits},
              {"rtt_ns", limits.rtt_ns},
              {"jitter_ns", limits.jitter_ns},
              {"dns_ns", limits.dns_ns},
              {"mtu_bytes", limits.mtu_bytes},
              {"cpu_percent", limits.cpu_percent},
              {"rate_kept", limits.rate_kept},
              {"increase_ns", limits.increase_ns}}}};
  auto& rows = json["items"] = Json::object();
  for (std::size_t i = 0; i < item_count; ++i) {
    const ItemRow& row = item_table()[i];
    const Judgement judged = row.judge(conditions, limits);
    rows[std::string(row.key)] = {{"verdict", name(judged.verdict)},
                                  {"reason", judged.reason},
                                  {"figures", figures[i](conditions)}};
  }
  json["loaded"] = conditions.loaded ? loaded_json(*conditions.loaded, limits) : Json(nullptr);
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace netobs::conditions
