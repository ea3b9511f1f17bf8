#pragma once
// A piece of network in user space: frames go from one interface to another through a thread that
// holds, drops, doubles or swaps them by a plan, and writes down what it did and when.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "core/base/time.hpp"
#include "linux/os/netns.hpp"

namespace netobs::lab {

enum class RelayAct : std::uint8_t {
  pass,
  drop,
  duplicate,       ///< sent twice
  let_next_first,  ///< kept until the next frame of its direction has gone out
};

struct RelayOrder {
  RelayAct act = RelayAct::pass;
  Duration hold{};  ///< how long after its arrival a frame leaves at the earliest
};

/// What to do with a probe (`reply` false) or its reply. Called on the relay's thread; other frames
/// pass without being asked about.
using RelayPlan = std::function<RelayOrder(bool reply, std::uint32_t sender_sequence)>;

/// What became of one probe or reply, in the relay's own clock reads.
struct RelayEntry {
  bool reply = false;
  std::uint32_t sender_sequence = 0;
  RelayAct act = RelayAct::pass;
  std::int64_t arrived_ns = 0;  ///< CLOCK_REALTIME, when the kernel put the frame on its socket
  std::int64_t left_ns = 0;     ///< CLOCK_REALTIME, just before the send; 0: dropped, or kept
};

class Relay {
 public:
  struct Options {
    std::string towards_sender;
    std::string towards_reflector;
    std::uint16_t reflector_port = 862;
    std::optional<unsigned> cpu;
    std::size_t most_entries = 1U << 16U;  ///< later ones are carried out and not written down
  };
  /// Starts the thread in this namespace, with both interfaces up. Needs CAP_NET_RAW.
  [[nodiscard]] static Result<Relay> start(const os::NetworkNamespace& where, Options options,
                                           RelayPlan plan);
  ~Relay();
  Relay(Relay&&) noexcept;
  Relay& operator=(Relay&&) = delete;
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  /// Ends the thread and returns what it wrote down, in the order of arrival.
  [[nodiscard]] std::vector<RelayEntry> stop();

 private:
  struct Shared;
  explicit Relay(std::unique_ptr<Shared> shared);
  std::unique_ptr<Shared> shared_;
};

}  // namespace netobs::lab
