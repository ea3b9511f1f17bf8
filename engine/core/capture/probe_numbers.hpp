#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/base/check.hpp"

namespace netobs::capture {

/// The latest requests of a session: their place in the order of appearance (ordinal, from 0), also
/// to be found by the key that replies repeat. Several may share a key. What is older than the
/// capacity is forgotten.
class ProbeNumbers {
 public:
  /// What tells one answer of a request from another; all zero where nothing does.
  struct Answer {
    std::uint64_t t3 = 0;        ///< as on the wire
    std::uint32_t sequence = 0;  ///< the reflector's own number
    friend bool operator==(const Answer&, const Answer&) = default;
  };
  struct Probe {
    std::uint64_t key = 0;              ///< what a reply carries
    std::uint64_t token = 0;            ///< what it carries besides, where it does
    std::uint64_t number = 0;           ///< the sender's own, unwrapped: unique within the session
    std::uint64_t ordinal = 0;          ///< in the order of appearance
    std::int64_t ns = 0;                ///< when it was captured
    Answer answer{};                    ///< the first one; by answer_sightings > 0
    std::uint8_t sightings = 1;         ///< of the request in the capture; at most 255
    std::uint8_t answer_sightings = 0;  ///< of that answer
    [[nodiscard]] bool answered() const { return answer_sightings > 0; }
  };
  /// A search looks at no more requests of one bucket: bounds what repeated keys can cost.
  static constexpr std::size_t search_limit = 64;

  /// capacity: a power of two.
  explicit ProbeNumbers(std::size_t capacity) : slots_(capacity), newest_(capacity, 0) {
    NETOBS_CHECK(std::has_single_bit(capacity), "capacity {}", capacity);
  }

  const Probe& push(std::uint64_t key, std::uint64_t token, std::uint64_t number, std::int64_t ns) {
    Slot& slot = slots_[next_ & mask()];
    slot.probe = {.key = key, .token = token, .number = number, .ordinal = next_, .ns = ns};
    link(slot);
    ++next_;
    return slot.probe;
  }

  [[nodiscard]] const Probe* at(std::uint64_t ordinal) const {
    const Slot& slot = slots_[ordinal & mask()];
    return ordinal < next_ && slot.probe.ordinal == ordinal ? &slot.probe : nullptr;
  }
  /// The request was captured once more.
  void note_sighting(std::uint64_t ordinal) {
    Probe& probe = slots_[ordinal & mask()].probe;
    if (probe.ordinal == ordinal && probe.sightings < 255) ++probe.sightings;
  }
  /// False: this is the answer that it has, captured once more, no more often than the request.
  [[nodiscard]] bool take_answer(std::uint64_t ordinal, const Answer& answer) {
    Probe& probe = slots_[ordinal & mask()].probe;
    if (probe.ordinal != ordinal) return true;
    if (!probe.answered()) {
      probe.answer = answer;
      probe.answer_sightings = 1;
      return true;
    }
    if (probe.answer != answer || probe.answer_sightings >= probe.sightings) return true;
    ++probe.answer_sightings;
    return false;
  }

  /// The newest request of this key that satisfies the predicate, or null.
  template <class F>
  [[nodiscard]] const Probe* newest(std::uint64_t key, F&& predicate) const {
    return search(key, predicate, false);
  }
  /// The oldest one, of those that a search reaches.
  template <class F>
  [[nodiscard]] const Probe* oldest(std::uint64_t key, F&& predicate) const {
    return search(key, predicate, true);
  }

  [[nodiscard]] std::uint64_t next() const { return next_; }
  [[nodiscard]] std::size_t capacity() const { return slots_.size(); }

  /// Keeps everything; capacity: a power of two, not below the present one.
  void grow(std::size_t capacity) {
    NETOBS_CHECK(std::has_single_bit(capacity) && capacity >= slots_.size(), "capacity {}",
                 capacity);
    std::vector<Slot> before(capacity);
    before.swap(slots_);
    newest_.assign(capacity, 0);
    const auto first = next_ > before.size() ? next_ - before.size() : 0;
    for (auto ordinal = first; ordinal < next_; ++ordinal) {
      Slot& slot = slots_[ordinal & mask()];
      slot.probe = before[ordinal & (before.size() - 1)].probe;
      link(slot);
    }
  }

 private:
  struct Slot {
    Probe probe;
    std::uint64_t older = 0;  // ordinal + 1 of the next older one of the bucket; 0 = none
  };

  [[nodiscard]] std::uint64_t mask() const { return slots_.size() - 1; }
  [[nodiscard]] std::size_t bucket(std::uint64_t key) const {
    // Numbers that count up fill the buckets in turn; hashes have their bits in all places.
    return static_cast<std::size_t>((key ^ (key >> 32U)) & mask());
  }
  void link(Slot& slot) {
    auto& head = newest_[bucket(slot.probe.key)];
    slot.older = head;
    head = slot.probe.ordinal + 1;
  }
  template <class F>
  const Probe* search(std::uint64_t key, F& predicate, bool oldest_wins) const {
    const Probe* found = nullptr;
    std::uint64_t at = newest_[bucket(key)];
    for (std::size_t steps = 0; at != 0 && steps < search_limit; ++steps) {
      const Slot& slot = slots_[(at - 1) & mask()];
      // Its slot has gone to a newer one: so have those of all older ones.
      if (slot.probe.ordinal != at - 1) break;
      if (slot.probe.key == key && predicate(slot.probe)) {
        found = &slot.probe;
        if (!oldest_wins) break;
      }
      at = slot.older;
    }
    return found;
  }

  std::vector<Slot> slots_;
  std::vector<std::uint64_t> newest_;  // by bucket: ordinal + 1; 0 = none
  std::uint64_t next_ = 0;
};

}  // namespace netobs::capture
