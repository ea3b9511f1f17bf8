// Tolerated, because nothing that arrives tells the truth:
//  - copies. Of a packet that exists twice, a slot may show either copy's time: hook events are
//    alike, and one that is withheld leaves its place to the other's.
//  - the direction of a loss, where requests came twice or overtook each other (a number that no
//    reply carries may be a copy's), where the reflector was started again, where nothing came back
//    of any later probe while the record was open, and with a stateless reflector, whose reports
//    are all there is: a probe whose reply and reports were all lost counts as lost on the way out.
//    Everything else must be right; where only some of several neighbours arrived, their number.
//  - a foreign reflector started again tells in Follow-Up Telemetry of a reply whose number another
//    one had before; which of them is not always to be known.
//  - a send failure that was told after a full window had closed the record.

#include "check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>

#include "core/stats/coarse_buckets.hpp"

namespace netobs::sim {
namespace {

/// A reply copy with the request copy that it answers.
struct Answer {
  const RequestTruth* request = nullptr;
  const ReplyTruth* reply = nullptr;
};

class Check {
 public:
  explicit Check(const World& world) : world_(world), scenario_(world.scenario()) {}

  std::vector<std::string> run() {
    check_sequence();
    if (!findings_.empty()) return findings_;
    for (const auto& record : world_.records()) {
      record_ = &record;
      probe_ = &world_.probes()[record.sequence];
      first_ = first_answer();
      check_outcome();
      for (std::size_t i = 0; i < slot_count; ++i) check_slot(path_order[i], i);
      check_segments();
      check_reports();
    }
    check_loss_counts();
    check_reordering();
    check_bounds();
    check_statistics();
    check_intervals();
    return findings_;
  }

 private:
  template <class... Args>
  void expect(bool condition, fmt::format_string<Args...> text, Args&&... args) {
    constexpr std::size_t most = 12;
    if (condition || findings_.size() >= most) return;
    findings_.push_back(fmt::format(text, std::forward<Args>(args)...));
  }
  [[nodiscard]] std::uint64_t n() const { return record_->sequence; }

  void check_sequence() {
    std::size_t measured = 0;
    for (const auto& probe : world_.probes()) measured += probe.measured ? 1U : 0U;
    expect(world_.records().size() == measured, "{} records of {} probes", world_.records().size(),
           measured);
    for (std::size_t i = 0; i < world_.records().size(); ++i) {
      expect(world_.records()[i].sequence == i, "record {} has sequence {}", i,
             world_.records()[i].sequence);
    }
  }

  template <class F>
  void each_answer(F&& function) const {
    for (const auto& request : probe_->requests) {
      for (const auto& reply : request.replies) function(Answer{&request, &reply});
    }
  }

  [[nodiscard]] Answer first_answer() const {
    Answer first;
    each_answer([&](const Answer& answer) {
      if (answer.reply->taken >= probe_->closed) return;
      if (first.reply == nullptr || answer.reply->taken < first.reply->taken) first = answer;
    });
    return first;
  }

  [[nodiscard]] bool copied() const {
    if (probe_->requests.size() > 1) return true;
    return std::ranges::any_of(probe_->requests,
                               [](const auto& r) { return r.replies.size() > 1; });
  }
  [[nodiscard]] bool reported() const {
    return std::ranges::any_of(probe_->reports,
                               [&](const auto& r) { return r.taken < probe_->closed; });
  }

  void check_outcome() {
    const auto& record = *record_;
    std::uint32_t taken = 0;
    each_answer([&](const Answer& a) { taken += a.reply->taken < probe_->closed ? 1U : 0U; });
    expect(record.reply_count == taken, "{}: {} replies counted of {}", n(), record.reply_count,
           taken);
    if (first_.reply != nullptr) {
      const auto waited = first_.reply->taken_monotonic_ns - probe_->sent_monotonic_ns;
      const auto outcome = waited <= scenario_.timeout.count() ? Outcome::answered : Outcome::late;
      expect(record.outcome == outcome, "{}: {} instead of {}", n(), name(record.outcome),
             name(outcome));
      expect(record.reflector_sequence == first_.request->number, "{}: answer {} instead of {}",
             n(), record.reflector_sequence, first_.request->number);
    } else if (probe_->refused && probe_->refusal_given >= probe_->closed) {
      expect(world_.correlator().counters().forced_closes > 0, "{}: closed too early", n());
    } else if (probe_->refused) {
      expect(record.outcome == Outcome::send_failed, "{}: {} instead of send_failed", n(),
             name(record.outcome));
    } else {
      check_direction();
    }
  }

  void check_direction() {
    const auto outcome = record_->outcome;
    const bool arrived = probe_->answered();
    truly_backward_ += arrived ? 1U : 0U;
    backward_ += outcome == Outcome::lost_backward ? 1U : 0U;
    unknown_ += outcome == Outcome::lost_unknown ? 1U : 0U;
    const bool known = reported() || came_back();
    expect(!known || outcome == Outcome::lost_backward, "{}: {} though its reply was seen", n(),
           name(outcome));
    expect(outcome == Outcome::lost_backward || outcome == Outcome::lost_forward ||
               outcome == Outcome::lost_unknown,
           "{}: {} without an answer", n(), name(outcome));
    if (outcome == Outcome::lost_unknown && numbers_tell()) {
      // A foreign reflector may have counted before this session: the first reply is the beginning.
      const bool begun = scenario_.multi_layer() || anything_earlier();
      expect(!begun || !anything_later(), "{}: lost_unknown, though later replies came", n());
    }
    if (scenario_.stateful || scenario_.duplicates()) return;
    // Without numbers there is only what the reflector reports.
    expect(outcome != Outcome::lost_backward || arrived, "{}: lost_backward instead of forward",
           n());
    if (outcome == Outcome::lost_forward && arrived) {
      expect(scenario_.multi_layer() && !reported(), "{}: lost_forward instead of backward", n());
    }
  }

  /// Something of its reply was timestamped on our side.
  [[nodiscard]] bool came_back() const {
    bool found = false;
    each_answer([&](const Answer& answer) {
      for (const auto given : answer.reply->at_sender.given) found |= given < probe_->closed;
    });
    return found;
  }

  /// The reflector's numbers say how many requests arrived: none came twice or overtook another,
  /// and the counting was not begun anew.
  [[nodiscard]] bool numbers_tell() const {
    return scenario_.stateful && scenario_.forward.duplicated_ppm == 0 &&
           scenario_.forward.reordered_ppm == 0 && !world_.restarted_ns();
  }

  /// A reply to a later probe, or to the first drain probe, came while this record was open.
  [[nodiscard]] bool anything_later() const {
    for (auto i = n() + 1; i < world_.probes().size(); ++i) {
      const auto& later = world_.probes()[i];
      for (const auto& request : later.requests) {
        for (const auto& reply : request.replies) {
          if (reply.taken < probe_->closed) return true;
        }
      }
      if (!later.measured) return false;
    }
    return false;
  }

  [[nodiscard]] bool anything_earlier() const {
    for (std::uint64_t i = 0; i < n(); ++i) {
      if (world_.records()[i].reply_count > 0) return true;
    }
    return false;
  }

  void check_loss_counts() {
    if (!numbers_tell()) return;
    expect(backward_ <= truly_backward_ && backward_ + unknown_ >= truly_backward_,
           "{} lost backward, {} unknown, in truth {}", backward_, unknown_, truly_backward_);
  }

  /// The times that the slot may show, when the packet has come by there.
  template <class F>
  void each_passage(std::size_t slot_index, F&& function) const {
    const bool tx = info(slot_point(slot_index)).direction == Direction::tx;
    if (slot_host(slot_index) == Host::sender) {
      if (tx) return function(probe_->at_sender);
      if (first_.reply != nullptr && !copied()) return function(first_.reply->at_sender);
      each_answer([&](const Answer& answer) { function(answer.reply->at_sender); });
      return;
    }
    if (first_.reply != nullptr && !copied()) return function(first_.request->at_reflector);
    for (const auto& request : probe_->requests) function(request.at_reflector);
  }

  [[nodiscard]] std::int64_t value_in(const Passage& passage, std::size_t slot_index) const {
    auto point = slot_point(slot_index);
    // T2 is the kernel's receive time where there is one.
    const bool base = !scenario_.multi_layer() && slot_host(slot_index) == Host::reflector;
    if (base && point == Point::app_rx && passage.given[index(Point::rx_software)] != never) {
      point = Point::rx_software;
    }
    return passage.clock_ns[index(point)];
  }

  void check_slot(std::size_t slot_index, std::size_t place) {
    const auto reason = record_->reason[slot_index];
    const auto host = slot_host(slot_index);
    const auto point = slot_point(slot_index);
    const auto& config = world_.correlator_config();
    const auto& active = host == Host::sender ? config.sender_points : config.reflector_points;
    if (!active.has(point) && reason != Reason::captured) {
      return expect(reason == Reason::not_requested, "{}: {} {} {}", n(), name(host), name(point),
                    name(reason));
    }
    if (reason == Reason::captured) {
      const bool follow_up =
          !scenario_.multi_layer() && host == Host::reflector && info(point).layer != Layer::app;
      if (follow_up && world_.restarted_ns()) return;
      bool right = false;
      each_passage(slot_index, [&](const Passage& passage) {
        right |=
            passage.passed.has(point) && value_in(passage, slot_index) == record_->ns[slot_index];
      });
      return expect(right, "{}: {} {} shows {}", n(), name(host), name(point),
                    record_->ns[slot_index]);
    }
    if (probe_->refused) return;
    check_missing(slot_index, place);
  }

  /// A request that came twice has two passages; the record is of the one whose reply was taken, or
  /// without a reply, of the one reported first.
  [[nodiscard]] std::optional<std::uint32_t> recorded_passage() const {
    if (record_->reply_count > 0) return record_->reflector_sequence;
    const auto first = std::ranges::min_element(probe_->reports, {}, &ReportTruth::taken);
    if (first == probe_->reports.end()) return std::nullopt;
    return first->number;
  }

  /// It came before the reply whose passage it is of, when a report of the other passage had come
  /// already: nobody could know then which of the two the record would be of.
  [[nodiscard]] bool taken_for_a_copy(const ReportTruth& report) const {
    if (first_.reply == nullptr || report.taken >= first_.reply->taken) return false;
    return std::ranges::any_of(probe_->reports, [&](const ReportTruth& other) {
      return other.number != report.number && other.taken <= report.taken;
    });
  }

  void check_missing(std::size_t slot_index, std::size_t place) {
    const auto point = slot_point(slot_index);
    const auto host = slot_host(slot_index);
    const auto reason = record_->reason[slot_index];
    bool had = false;
    if (host == Host::sender) {
      each_passage(slot_index, [&](const Passage& passage) {
        had |= passage.given[index(point)] < probe_->closed;
      });
    } else if (scenario_.multi_layer()) {
      const auto passage = recorded_passage();
      for (const auto& r : probe_->reports) {
        const bool of_record = r.number == passage && !taken_for_a_copy(r);
        had |= of_record && r.taken < probe_->closed && r.points.has(point);
      }
    } else {
      // Follow-Up Telemetry tells only of the previous reply, once, if there was something to tell.
      had = first_.reply != nullptr && point != Point::tx_software;
    }
    expect(!had, "{}: {} {} is {}, but was given", n(), name(host), name(point), name(reason));
    std::size_t known = 0;
    for (std::size_t i = 0; i < slot_count; ++i) {
      const auto s = path_order[i];
      const bool answered = reported() && s == slot(Host::reflector, Point::app_tx);
      if (record_->reason[s] == Reason::captured || answered) known = i;
    }
    const auto expected = place > known ? Reason::probe_lost
                          : host == Host::reflector && scenario_.multi_layer() && !reported()
                              ? Reason::not_reported
                              : Reason::lost_by_kernel;
    expect(reason == expected, "{}: {} {} is {} instead of {}", n(), name(host), name(point),
           name(reason), name(expected));
  }

  /// What the segments say is what the packet took, to the nanosecond of true time, where the
  /// clocks run at the rate of true time.
  void check_segments() {
    const auto steady = [](const ClockConfig& c) { return c.drift_ppb == 0 && c.step_ns == 0; };
    if (!steady(scenario_.sender.clock) || !steady(scenario_.reflector.clock)) return;
    if (first_.reply == nullptr || copied() || !scenario_.multi_layer()) return;
    const auto true_ns = [this](std::size_t slot_index) {
      const auto point = slot_point(slot_index);
      if (slot_host(slot_index) == Host::reflector) return first_.request->at_reflector.at(point);
      const bool tx = info(point).direction == Direction::tx;
      return tx ? probe_->at_sender.at(point) : first_.reply->at_sender.at(point);
    };
    for (const auto& segment : world_.statistics().path().segments) {
      const auto length_ns = stats::length_ns(segment, *record_);
      if (!length_ns) continue;
      auto took_ns = true_ns(segment.to) - true_ns(segment.from);
      if (segment.less) took_ns -= true_ns(segment.less->to) - true_ns(segment.less->from);
      expect(*length_ns == took_ns, "{}: {} ({}) is {} ns instead of {}", n(), segment.key(),
             segment.name, *length_ns, took_ns);
    }
  }

  void check_reports() {
    for (const auto& report : probe_->reports) {
      const auto wanted = world_.correlator_config().reflector_points;
      for (const auto& row : point_table) {
        bool right = false;
        bool owed = true;
        for (const auto& request : probe_->requests) {
          if (!request.answered || request.number != report.number) continue;
          const auto& passage = request.at_reflector;
          right |= passage.passed.has(row.point) &&
                   passage.clock_ns[index(row.point)] == report.ns[index(row.point)];
          owed &= passage.given[index(row.point)] < report.written;
        }
        if (report.points.has(row.point)) {
          expect(right || copied(), "{}: report {} has {} wrong", n(), report.number,
                 name(row.point));
        } else if (wanted.has(row.point) && !copied()) {
          expect(!owed, "{}: report {} lacks {}", n(), report.number, name(row.point));
        }
      }
    }
  }

  void check_reordering() {
    std::map<std::uint64_t, std::uint64_t> by_arrival;
    for (const auto& record : world_.records()) {
      record_ = &record;
      probe_ = &world_.probes()[record.sequence];
      if (const auto first = first_answer(); first.reply != nullptr) {
        by_arrival.emplace(first.reply->taken, record.sequence);
      }
    }
    std::uint64_t highest = 0;
    for (const auto& [taken, sequence] : by_arrival) {
      const bool overtaken = sequence < highest;
      highest = std::max(highest, sequence);
      expect(world_.records()[sequence].reordered == overtaken, "{}: reordered is {}", sequence,
             !overtaken);
    }
  }

  void check_bounds() {
    expect(world_.most_open() <= scenario_.window, "{} records open in a window of {}",
           world_.most_open(), scenario_.window);
    expect(world_.observations_lost() == 0, "{} observations lost", world_.observations_lost());
    std::uint64_t late = 0;
    for (const auto& probe : world_.probes()) {
      for (const auto& request : probe.requests) {
        for (const auto& reply : request.replies) {
          if (probe.measured && reply.taken != never && reply.taken >= probe.closed) ++late;
        }
      }
    }
    const auto& counters = world_.correlator().counters();
    expect(counters.late_replies + counters.late_duplicates == late,
           "{} + {} replies to closed records of {}", counters.late_replies,
           counters.late_duplicates, late);
    expect(counters.unknown_sequence == 0, "{} unknown", counters.unknown_sequence);
    const auto& sender = world_.sender().counters();
    expect(sender.malformed + sender.bad_hmac + sender.foreign + sender.unknown_sequence +
                   sender.bad_reports ==
               0,
           "replies were refused");
  }

  void check_statistics() {
    const auto& statistics = world_.statistics();
    for (std::size_t i = 0; i < slot_count; ++i) {
      const auto& account = statistics.ledger().at(i);
      std::uint64_t sum = account.captured;
      for (const auto missing : account.missing) sum += missing;
      expect(sum == account.requested, "{} {}: {} of {} accounted for", name(slot_host(i)),
             name(slot_point(i)), sum, account.requested);
    }
    const auto& probes = statistics.probes();
    expect(probes.sent == probes.received + probes.lost, "sent {} received {} lost {}", probes.sent,
           probes.received, probes.lost);
    if (scenario_.sender.clock.step_at_ns >= 0) return;
    const auto& violations = statistics.violations();
    expect(violations.identity == 0, "{} identities violated", violations.identity);
    const bool retold = !scenario_.multi_layer() && world_.restarted_ns();
    if (violations.causal_order == 0 || retold) return;
    const auto& worst = *violations.worst;
    expect(scenario_.duplicates(), "{}: {} {} is before {} {} by {} ns", worst.sequence,
           name(slot_host(worst.edge.to)), name(slot_point(worst.edge.to)),
           name(slot_host(worst.edge.from)), name(slot_point(worst.edge.from)), worst.edge.by_ns);
  }

  /// Folded again in intervals of a few probes each: their counts and buckets add up to the run's.
  void check_intervals() {
    stats::RunStatisticsConfig config;
    const auto& points = world_.correlator_config();
    config.plan = stats::plan_of(points.sender_points, points.reflector_points);
    if (scenario_.one_clock()) config.clocks.kind = stats::ClockRelation::Kind::same_clock;
    config.interval_ns = 5'000'000;
    stats::RunStatistics rolled(config);
    stats::CountValues sum{};
    std::map<std::int64_t, std::uint64_t> times_told;
    std::map<std::string, std::uint64_t> in_buckets;
    const auto take = [&](bool flush) {
      for (const auto& rollup : rolled.take_finished_intervals(flush)) {
        for (const auto& bucket : stats::coarse_buckets(rollup.distribution.histogram())) {
          in_buckets[rollup.metric] += bucket.count;
        }
      }
      for (const auto& counts : rolled.take_finished_counts()) {
        ++times_told[counts.interval_start_ns];
        for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += counts.values[i];
      }
    };
    for (const auto& record : world_.records()) {
      rolled.fold(record);
      take(false);
    }
    rolled.note_late_duplicates(world_.correlator().counters().late_duplicates);
    take(true);
    auto whole = world_.statistics().counts();
    whole[static_cast<std::size_t>(stats::Count::duplicate)] +=
        world_.correlator().counters().late_duplicates;
    for (std::size_t i = 0; i < sum.size(); ++i) {
      expect(sum[i] == whole[i], "{}: {} over the intervals, {} in all", stats::count_names[i],
             sum[i], whole[i]);
    }
    for (const auto& [start, times] : times_told) {
      expect(times == 1, "interval {} was told {} times", start, times);
    }
    for (const auto& [metric, values] : world_.statistics().totals()) {
      expect(in_buckets[metric] == values.count(), "{}: {} in buckets of {}", metric,
             in_buckets[metric], values.count());
    }
  }

  const World& world_;
  const Scenario& scenario_;
  std::vector<std::string> findings_;
  const ProbeRecord* record_ = nullptr;
  const ProbeTruth* probe_ = nullptr;
  Answer first_;
  std::uint64_t backward_ = 0;
  std::uint64_t truly_backward_ = 0;
  std::uint64_t unknown_ = 0;
};

}  // namespace

std::vector<std::string> differences(const World& world) {
  return Check(world).run();
}

}  // namespace netobs::sim
