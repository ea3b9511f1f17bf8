#include "core/stats/run_statistics.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace netobs::stats {
namespace {

/// Of the points where a packet's arrival can be timed, the nearest to the wire that is on.
std::optional<Point> arrival_point(PointSet active) {
  for (const Point point : {Point::rx_software, Point::pcap_rx, Point::tc_ingress, Point::app_rx}) {
    if (active.has(point)) return point;
  }
  return std::nullopt;
}

std::optional<Point> departure_point(PointSet active) {
  for (const Point point : {Point::app_tx, Point::pcap_tx}) {
    if (active.has(point)) return point;
  }
  return std::nullopt;
}

std::int64_t floor_to(std::int64_t value, std::int64_t step) {
  const std::int64_t remainder = value % step;
  return value - (remainder < 0 ? remainder + step : remainder);
}

}  // namespace

PathConfig RunStatisticsConfig::path() const {
  return {{active_points(plan, Host::sender), active_points(plan, Host::reflector)},
          clocks,
          {NicClockRelation{nic_converted[0]}, NicClockRelation{nic_converted[1]}}};
}

RunStatistics::RunStatistics(const RunStatisticsConfig& config)
    : clocks_(config.clocks),
      scheduled_(config.scheduled),
      primary_(&view_table[primary_view(active_points(config.plan, Host::sender))]),
      interval_ns_(std::max<std::int64_t>(0, config.interval_ns)),
      path_(build_path(config.path())),
      ledger_(config.plan) {
  const PathConfig path = config.path();
  add_views(path);
  rtt_intended_ = add_metric("rtt_intended");
  send_error_ = add_metric("send_error");
  ipdv_ = add_metric("ipdv");
  add_one_way(forward_, path, Host::sender);
  add_one_way(backward_, path, Host::reflector);
  for (const Segment& segment : path_.segments) {
    segment_metrics_.push_back(add_metric(segment.key()));
    keep_in_blocks(segment_metrics_.back());
  }
  blocks_.set_metrics(block_keys_.size());
}

std::size_t RunStatistics::add_metric(std::string key) {
  metrics_.push_back({std::move(key), {}, {}, {}});
  return metrics_.size() - 1;
}

void RunStatistics::keep_in_blocks(std::size_t metric) {
  metrics_[metric].in_blocks = block_keys_.size();
  block_keys_.push_back(metrics_[metric].key);
}

void RunStatistics::add_views(const PathConfig& config) {
  const auto complete = [&](Host host, const View& view) {
    const PointSet active = config.active[index(host)];
    return active.has(view.tx) && active.has(view.rx);
  };
  for (const View& view : view_table) {
    if (!complete(Host::sender, view)) continue;
    ViewMetrics metrics{&view, add_metric(fmt::format("rtt.{}", view.name)), {}};
    keep_in_blocks(metrics.rtt);
    if (complete(Host::reflector, view)) {
      metrics.net_rtt = add_metric(fmt::format("net_rtt.{}", view.name));
    }
    views_.push_back(metrics);
  }
}

void RunStatistics::add_one_way(std::optional<OneWay>& way, const PathConfig& config, Host from) {
  const Host to = from == Host::sender ? Host::reflector : Host::sender;
  const auto arrival = arrival_point(config.active[index(to)]);
  const auto departure = departure_point(config.active[index(from)]);
  if (!departure || !arrival) return;
  const std::string_view direction = from == Host::sender ? "forward" : "backward";
  OneWay state;
  state.from = slot(from, *departure);
  state.to = slot(to, *arrival);
  state.ipdv_metric = add_metric(fmt::format("ipdv.{}", direction));
  state.change_metric = add_metric(fmt::format("delay_change.{}", direction));
  way = state;
}

void RunStatistics::fold(const ProbeRecord& record) {
  // A failed send whose start went unobserved has no time: it counts where the run is.
  if (record.intended_ns != 0) enter_interval(record.intended_ns);
  probes_.add(record);
  if (record.outcome == Outcome::send_failed) return;
  ledger_.add(record);
  blocks_.next_probe(record.outcome != Outcome::answered);
  if (record.clock_stepped) {
    restart_one_way();
    return;
  }
  if (scheduled_) put(send_error_, record.send_error_ns);
  check(record);
  if (record.outcome != Outcome::answered) return;
  fold_round_trip(record);
  fold_one_way(forward_, record);
  fold_one_way(backward_, record);
  for (std::size_t i = 0; i < segment_metrics_.size(); ++i) {
    if (const auto length = length_ns(path_.segments[i], record)) put(segment_metrics_[i], *length);
  }
}

void RunStatistics::fold_round_trip(const ProbeRecord& record) {
  for (const ViewMetrics& metrics : views_) {
    const auto round_trip = rtt_ns(record, *metrics.view);
    if (!round_trip) continue;
    put(metrics.rtt, *round_trip);
    if (!metrics.net_rtt) continue;
    if (const auto net = net_rtt_ns(record, *metrics.view)) put(*metrics.net_rtt, *net);
  }
  const auto round_trip = rtt_ns(record, *primary_);
  if (!round_trip) return;
  if (scheduled_) put(rtt_intended_, saturating_sum(*round_trip, record.send_error_ns));
  jitter_.add(*round_trip);
  if (const auto change = variation_.add(record.sequence, *round_trip)) put(ipdv_, *change);
}

void RunStatistics::fold_one_way(std::optional<OneWay>& way, const ProbeRecord& record) {
  if (!way || record.reason[way->from] != Reason::captured ||
      record.reason[way->to] != Reason::captured) {
    return;
  }
  const std::int64_t delay = saturating_difference(record.ns[way->to], record.ns[way->from]);
  if (!way->first_ns) way->first_ns = delay;
  put(way->change_metric, saturating_difference(delay, *way->first_ns));
  way->jitter.add(delay);
  if (const auto change = way->variation.add(record.sequence, delay)) {
    put(way->ipdv_metric, *change);
  }
}

void RunStatistics::restart_one_way() {
  for (auto* way : {&forward_, &backward_}) {
    if (!*way) continue;
    (*way)->first_ns.reset();
    (*way)->variation.restart();
    (*way)->jitter.restart();
  }
}

void RunStatistics::check(const ProbeRecord& record) {
  ++violations_.order_checked;
  const CausalViolations found = check_causal_order(record, clocks_);
  if (!found.empty()) ++violations_.causal_order;
  for (const CausalViolation& edge : found.all()) {
    if (!violations_.worst || edge.by_ns > violations_.worst->edge.by_ns) {
      violations_.worst = WorstViolation{edge, record.sequence};
    }
  }
  for (const Host host : {Host::sender, Host::reflector}) {
    const auto agrees = capture_agrees(record, host);
    if (!agrees) continue;
    ++violations_.capture_checked;
    if (!*agrees) ++violations_.capture_differs;
  }
  if (record.outcome != Outcome::answered) return;
  const auto error = identity_error_ns(record, path_);
  if (!error) return;
  ++violations_.identity_checked;
  if (*error != 0) ++violations_.identity;
}

void RunStatistics::enter_interval(std::int64_t time_ns) {
  if (interval_ns_ == 0) return;
  const std::int64_t start = floor_to(time_ns, interval_ns_);
  if (!interval_start_ns_) interval_start_ns_ = start;
  // Never back: a second roll-up for the same interval would take the first one's place in a store.
  if (start <= *interval_start_ns_) return;
  finish_interval();
  interval_start_ns_ = start;
}

void RunStatistics::finish_interval() {
  const CountValues now = counts();
  IntervalCounts counts{*interval_start_ns_, {}};
  for (std::size_t i = 0; i < now.size(); ++i) counts.values[i] = now[i] - counted_[i];
  // Nothing is new when the run's end is flushed twice: the rows already stand.
  if (now != counted_) finished_counts_.push_back(counts);
  counted_ = now;
  for (Metric& metric : metrics_) {
    if (metric.current.empty()) continue;
    metric.earlier.merge(metric.current);
    Distribution finished = std::exchange(metric.current, Distribution{});
    finished_.push_back({metric.key, *interval_start_ns_, std::move(finished)});
  }
}

std::vector<Rollup> RunStatistics::take_finished_intervals(bool flush) {
  if (flush && interval_start_ns_) finish_interval();
  return std::exchange(finished_, {});
}

std::vector<IntervalCounts> RunStatistics::take_finished_counts() {
  return std::exchange(finished_counts_, {});
}

CountValues RunStatistics::counts() const {
  CountValues values{};
  const auto set = [&](Count count, std::uint64_t value) {
    values[static_cast<std::size_t>(count)] = value;
  };
  set(Count::sent, probes_.sent);
  set(Count::received, probes_.received);
  set(Count::lost, probes_.lost);
  set(Count::lost_forward, probes_.lost_forward);
  set(Count::lost_backward, probes_.lost_backward);
  set(Count::lost_unknown, probes_.lost_unknown);
  set(Count::late, probes_.late);
  set(Count::duplicate, probes_.duplicate + late_duplicates_);
  set(Count::reordered, probes_.reordered);
  set(Count::send_failed, probes_.send_failed);
  set(Count::clock_stepped, probes_.clock_stepped);
  set(Count::causal_order, violations_.causal_order);
  set(Count::identity, violations_.identity);
  std::uint64_t requested = 0;
  std::uint64_t captured = 0;
  for (std::size_t i = 0; i < slot_count; ++i) {
    requested += ledger_.at(i).requested;
    captured += ledger_.at(i).captured;
  }
  set(Count::points_requested, requested);
  set(Count::points_captured, captured);
  return values;
}

std::map<std::string, Distribution> RunStatistics::totals() const {
  std::map<std::string, Distribution> all;
  for (const Metric& metric : metrics_) {
    Distribution total = metric.earlier;
    total.merge(metric.current);
    if (!total.empty()) all.emplace(metric.key, std::move(total));
  }
  return all;
}

Distribution RunStatistics::total(std::string_view key) const {
  const auto found = std::ranges::find(metrics_, key, &Metric::key);
  if (found == metrics_.end()) return {};
  Distribution total = found->earlier;
  total.merge(found->current);
  return total;
}

JitterValues RunStatistics::jitter() const {
  const auto of = [](const std::optional<OneWay>& way) {
    return way ? way->jitter.ns() : std::nullopt;
  };
  return {jitter_.ns(), of(forward_), of(backward_)};
}

}  // namespace netobs::stats
