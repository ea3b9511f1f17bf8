#pragma once
// What a reflector remembers of its recent replies to one session, until their timestamps have been
// carried back in later replies.

#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "core/base/time.hpp"
#include "core/clock/nic_clock.hpp"
#include "core/layer/point.hpp"
#include "core/session/reflector_recent.hpp"
#include "core/wire/netobs_tlv.hpp"

namespace netobs {

struct EntryLimits {
  std::size_t capacity = 1024;  ///< replies remembered per session, a power of two
  Duration hold = std::chrono::milliseconds(20);  ///< how long to wait for missing points
  std::uint8_t sends = 2;                         ///< in how many replies an entry goes out
};

/// In which span of CLOCK_REALTIME hook events were lost: the latest such span, since what is older
/// has been told by then.
class LossSpan {
 public:
  void add(std::int64_t from_ns, std::int64_t until_ns);
  void forget() { *this = {}; }
  [[nodiscard]] bool covers(std::int64_t ns) const { return from_ns_ <= ns && ns <= until_ns_; }

 private:
  std::int64_t from_ns_ = std::numeric_limits<std::int64_t>::max();
  std::int64_t until_ns_ = std::numeric_limits<std::int64_t>::min();
};

/// When something happens: by the clock, and in which turn of the hot loop. Converts from a time
/// alone for callers that have no turns.
struct Turn {
  MonotonicTime now;
  std::uint64_t round = 0;
  LossSpan hook_losses;  ///< of whichever session
  // NOLINTNEXTLINE(google-explicit-constructor): a time alone is a turn without a number
  Turn(MonotonicTime time, std::uint64_t number = 0, const LossSpan& lost = {})
      : now(time), round(number), hook_losses(lost) {}
};

/// The timestamps of one answered probe.
struct ReplyEntry {
  wire::NetobsEntry times;
  MonotonicTime replied;
  std::uint64_t number = 0;             ///< the session's reply number
  std::uint64_t sent_in = 0;            ///< the last fill() that sent it
  std::uint64_t round = 0;              ///< the round of events in which it was made
  std::optional<NicOffset> nic_offset;  ///< of both hardware times, once one has come
  std::uint8_t sends_left = 0;
  bool queued_fresh = false;  ///< to go out first
  bool queued_again = false;  ///< to go out once more, for redundancy
  bool matured = false;       ///< it has been queued at least once
  bool renewed = false;       ///< a late timestamp has queued it again
};

/// Bounded queue of reply numbers; a full one forgets the oldest. Which entry that was stays known:
/// it is counted when its place in the ring is taken.
class NumberQueue {
 public:
  explicit NumberQueue(std::size_t capacity) : numbers_(capacity) {}
  /// The number that had to go, if the queue was full.
  std::optional<std::uint64_t> push(std::uint64_t number);
  [[nodiscard]] std::optional<std::uint64_t> front() const;
  void pop() { ++head_; }
  [[nodiscard]] std::size_t size() const { return tail_ - head_; }

 private:
  std::vector<std::uint64_t> numbers_;
  std::size_t head_ = 0;
  std::size_t tail_ = 0;
};

/// An entry matures when every wanted point is there; or when every transmit point is and a later
/// round of events has begun, since what has not been taken on receive by then never will be; or at
/// the end of its hold time, or when half a ring of later replies has gone by. Matured entries go
/// out oldest first, once each, then again up to EntryLimits::sends times. One that got a further
/// timestamp after it was sent goes out once more.
class EntryRing {
 public:
  /// first_number: of the reply recorded next.
  EntryRing(const EntryLimits& limits, std::uint64_t first_number);

  /// The points to wait for and to send.
  void set_wanted(PointSet wanted) { wanted_ = wanted; }

  /// Records a reply; its number is one more than that of the one before. tx_hardware_unasked: that
  /// point is on, and not taken of this reply.
  std::uint64_t add(std::uint32_t reflector_sequence, std::uint32_t sender_sequence,
                    const Turn& turn, bool tx_hardware_unasked = false);

  /// Files a timestamp. False when the reply is forgotten or has one for this point: then the first
  /// stands, but for tx_software and tx_hardware, where stacked devices stamp in turn and the last
  /// one is the lowest.
  bool set(std::uint64_t number, Point point, std::int64_t ns);
  /// The same for the first reply to this sender sequence that has no timestamp for the point and
  /// satisfies `accept(const ReplyEntry&)`: duplicates of a request are told apart by their order.
  template <class F>
  bool set_first(std::uint32_t sender_sequence, Point point, std::int64_t ns, F&& accept) {
    ReplyEntry* entry = ring_.find(sender_sequence, [&](const ReplyEntry& candidate) {
      return !candidate.times.points.has(point) && accept(candidate);
    });
    return entry != nullptr && file(*entry, point, ns);
  }

  /// Files a time of the NIC's clock, put on the scale of CLOCK_REALTIME by `clock`; null: as it
  /// is. False when the clock cannot tell.
  bool set_hardware(std::uint64_t number, Point point, std::int64_t nic_ns, const NicClock* clock);
  void mark_hardware_impossible(std::uint64_t number);

  /// A hook's time of a request of this session was lost.
  void mark_hook_event_lost(std::int64_t ns) { hook_losses_.add(ns, ns); }

  /// The clock was set in this round of events.
  void mark_clock_step(std::uint64_t round);

  [[nodiscard]] const ReplyEntry* at(std::uint64_t number) { return ring_.at(number); }

  /// Puts as many entries into the reply as fit.
  void fill(wire::NetobsReplyWriter& writer, const Turn& turn);

  /// Entries, or renewed entries, lost because nothing asked for them in time.
  [[nodiscard]] std::uint32_t dropped() const { return dropped_; }

 private:
  bool file(ReplyEntry& entry, Point point, std::int64_t ns);
  [[nodiscard]] PointSet awaited(const ReplyEntry& entry) const;
  [[nodiscard]] bool complete(const ReplyEntry& entry) const;
  void mature_overdue(const Turn& turn);
  [[nodiscard]] bool settled(const ReplyEntry& entry, std::uint64_t round) const;
  void queue_fresh(ReplyEntry& entry);
  void queue_again(ReplyEntry& entry);
  /// The entry at the front, stale numbers removed; null when there is none.
  [[nodiscard]] ReplyEntry* front(NumberQueue& queue, bool ReplyEntry::* queued);
  /// Sends the front entry. False when the reply is full.
  bool send(wire::NetobsReplyWriter& writer, ReplyEntry& entry, const Turn& turn, bool& any_sent);

  EntryLimits limits_;
  RecentRing<ReplyEntry> ring_;
  NumberQueue fresh_;
  NumberQueue again_;
  PointSet wanted_;
  std::uint64_t overdue_next_;  // the oldest reply not yet looked at for its hold time
  std::uint64_t fills_ = 0;
  std::uint32_t dropped_ = 0;
  LossSpan hook_losses_;
};

}  // namespace netobs
