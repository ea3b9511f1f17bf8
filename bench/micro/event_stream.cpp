#include "micro/event_stream.hpp"

#include <algorithm>
#include <utility>

#include "micro/micro.hpp"

namespace netobs::micro {
namespace {

constexpr std::size_t probe_count = 16'384;
constexpr std::size_t certain_at_end = 128;  // so that every loss is followed by an answer
constexpr std::int64_t start_ns = 1'764'000'000'000'000'000;
constexpr std::int64_t period_ns = 10'000;
constexpr std::int64_t step_ns = 700;  // from point to point
constexpr std::int64_t shuffle_ns = 64 * period_ns;
constexpr std::int64_t clock_look_ns = 1'000'000;

PointSet measured_points() {
  PointSet points = socket_path.without(points_of(Layer::nic));
  points.remove(Point::skb_copy_datagram_iovec);  // most packets do not pass it
  return points;
}

CorrelatorConfig make_config(std::size_t window) {
  CorrelatorConfig config;
  config.window = window;
  config.timeout = std::chrono::milliseconds(5);
  config.grace = std::chrono::milliseconds(5);
  config.sender_points = measured_points();
  config.reflector_points = measured_points();
  config.reflector_reports = true;
  return config;
}

/// Collects events with the times at which they come.
class StreamWriter {
 public:
  explicit StreamWriter(const StreamOptions& options)
      : options_(options), random_(input_random()) {}

  Outcome draw_outcome(std::size_t probe) {
    if (!options_.losses || probe + certain_at_end >= probe_count) return Outcome::answered;
    const auto percent = random_() % 100;
    if (percent == 0) return Outcome::lost_forward;
    return percent == 1 ? Outcome::lost_backward : Outcome::answered;
  }

  void write_probe(std::uint64_t probe, Outcome outcome) {
    const auto sent_ns = static_cast<std::int64_t>(probe) * period_ns;
    Observation sent = make(Observation::Kind::sent, probe, sent_ns);
    events_.emplace_back(sent_ns, sent);
    const bool arrived = outcome != Outcome::lost_forward;
    const bool answered = outcome == Outcome::answered;
    std::int64_t now = sent_ns;
    for (const auto slot_index : path_order) {
      if (!measured_points().has(slot_point(slot_index))) continue;
      const bool reflector = slot_host(slot_index) == Host::reflector;
      const bool back = !reflector && info(slot_point(slot_index)).direction == Direction::rx;
      if ((reflector && !arrived) || (back && !answered)) continue;
      write_point(probe, slot_index, now);
      now += step_ns;
    }
    if (arrived) put(next_reply_of(sent_ns), make(Observation::Kind::reflector_report, probe, 0));
  }

  void write_clock(std::int64_t now) {
    Observation look;
    look.kind = Observation::Kind::clock_good;
    look.monotonic_ns = now;
    events_.emplace_back(now, look);
  }

  void finish(EventStream& stream) {
    std::ranges::stable_sort(events_, {}, [](const auto& event) { return event.first; });
    for (const auto& [at, observation] : events_) {
      stream.events.push_back(observation);
      stream.taken_at.push_back({at});
    }
  }

 private:
  static Observation make(Observation::Kind kind, std::uint64_t probe, std::int64_t monotonic_ns) {
    Observation observation;
    observation.kind = kind;
    observation.sequence = probe;
    observation.value_ns = start_ns + monotonic_ns;
    observation.monotonic_ns = monotonic_ns;
    return observation;
  }

  static std::int64_t next_reply_of(std::int64_t sent_ns) { return sent_ns + 2 * period_ns; }

  void write_point(std::uint64_t probe, std::size_t slot_index, std::int64_t now) {
    const auto host = slot_host(slot_index);
    if (slot_index == slot(Host::sender, Point::app_tx)) return;  // it is the sending itself
    if (slot_index == slot(Host::sender, Point::app_rx)) {
      Observation reply = make(Observation::Kind::reply, probe, now);
      reply.number = static_cast<std::uint32_t>(probe);
      put(now, reply);
      return;
    }
    if (options_.losses && random_() % 1000 == 0) return;
    Observation stamp = make(Observation::Kind::timestamp, probe, now);
    stamp.slot = static_cast<std::uint8_t>(slot_index);
    stamp.monotonic_ns = 0;
    if (host == Host::sender) return put(now, stamp);
    stamp.second = 1;
    stamp.number = static_cast<std::uint32_t>(probe);
    put(next_reply_of(static_cast<std::int64_t>(probe) * period_ns), stamp);
  }

  void put(std::int64_t at, Observation observation) {
    if (observation.kind == Observation::Kind::reflector_report) {
      observation.number = static_cast<std::uint32_t>(observation.sequence);
      observation.value_ns = 0;
    }
    if (options_.shuffled) at += static_cast<std::int64_t>(random_() % shuffle_ns);
    events_.emplace_back(at, observation);
  }

  StreamOptions options_;
  std::mt19937_64 random_;
  std::vector<std::pair<std::int64_t, Observation>> events_;
};

}  // namespace

EventStream make_stream(const StreamOptions& options) {
  EventStream stream;
  stream.config = make_config(options.window);
  StreamWriter writer(options);
  for (std::uint64_t probe = 0; probe < probe_count; ++probe) {
    stream.truth.push_back(writer.draw_outcome(probe));
    writer.write_probe(probe, stream.truth.back());
  }
  const auto end_ns = static_cast<std::int64_t>(probe_count) * period_ns + shuffle_ns;
  for (std::int64_t now = 0; now < end_ns; now += clock_look_ns) writer.write_clock(now);
  writer.finish(stream);
  return stream;
}

}  // namespace netobs::micro
