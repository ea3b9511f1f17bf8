#pragma once
// Which reply a TX timestamp belongs to, when all that comes with it is a 32-bit id.

#include <cstdint>
#include <optional>

#include "core/layer/point.hpp"
#include "core/session/reflector_recent.hpp"
#include "core/session/session_table.hpp"

namespace netobs {

/// The replies sent lately. With unique ids the id is the position. Without, it is the reply's
/// sequence as the kernel read it from the packet, which sessions share (each starts from 0): then
/// timestamps go to the replies of that id in the order of sending, which is the order the kernel
/// stamps in, and only if the time fits the reply.
class RecentSends {
 public:
  struct Send {
    TableHandle session;
    std::uint64_t reply_number = 0;
    std::int64_t t3_ns = 0;  ///< CLOCK_REALTIME
    PointSet seen;
    bool stamped = false;  ///< t3_ns is set: it is on its way
    bool failed = false;
  };

  RecentSends(std::size_t capacity, bool unique_ids) : ring_(capacity), unique_ids_(unique_ids) {}

  /// Records a reply; `sequence` is its sequence on the wire. Returns its number here.
  std::uint64_t add(TableHandle session, std::uint64_t reply_number, std::uint32_t sequence);
  /// The id to give to the transport.
  [[nodiscard]] std::uint32_t id_of(std::uint64_t send_number, std::uint32_t sequence) const;
  void stamp(std::uint64_t send_number, std::int64_t t3_ns);

  /// The send that a timestamp belongs to; null when there is none. Remembers that it was given.
  /// Valid until the next add(). realtime_ns: the timestamp on the scale of CLOCK_REALTIME, near
  /// enough to tell sends apart; nullopt: it is of another clock.
  [[nodiscard]] const Send* attribute(std::uint32_t id, Point point,
                                      std::optional<std::int64_t> realtime_ns);
  /// The transport could not send: no timestamp of this id will be for that reply.
  void fail(std::uint32_t id);

 private:
  [[nodiscard]] Send* find_shared(std::uint32_t id, Point point,
                                  std::optional<std::int64_t> realtime_ns);
  [[nodiscard]] Send* latest_without(std::uint32_t id, Point point);

  RecentRing<Send> ring_;
  bool unique_ids_;
};

}  // namespace netobs
