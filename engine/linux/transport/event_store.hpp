#pragma once

#include <cstdint>
#include <vector>

#include "core/session/transport.hpp"

namespace netobs {

/// What has come in and not yet been handed out, or is being read by the caller.
struct EventStore {
  std::vector<RxDatagram> datagrams;
  std::vector<TxTimestamp> tx_timestamps;
  std::vector<SendFailure> send_failures;
  std::vector<std::uint16_t> held_buffers;  ///< provided buffers that `datagrams` points into

  [[nodiscard]] bool empty() const {
    return datagrams.empty() && tx_timestamps.empty() && send_failures.empty();
  }
  [[nodiscard]] TransportEvents view() const { return {datagrams, tx_timestamps, send_failures}; }
  void clear() {
    datagrams.clear();
    tx_timestamps.clear();
    send_failures.clear();
    held_buffers.clear();
  }
};

}  // namespace netobs
