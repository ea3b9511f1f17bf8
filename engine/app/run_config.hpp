#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "app/capture_log.hpp"
#include "app/layer_selection.hpp"
#include "app/nic_side.hpp"
#include "core/base/result.hpp"
#include "core/base/time.hpp"
#include "core/layer/record.hpp"
#include "core/session/schedule.hpp"
#include "core/session/transport.hpp"
#include "linux/transport/udp_transport.hpp"

namespace netobs::app {

/// Puts something between a program's loop and its transport; gives back what the loop shall use.
using TransportWrapper =
    std::function<std::unique_ptr<LinuxTransport>(std::unique_ptr<LinuxTransport>)>;

/// How the self-test and the check under load look into a run and interfere with it. Empty in any
/// other.
struct RunTaps {
  TransportWrapper transport;
  std::function<void(std::span<const ProbeRecord>)> records;  ///< called on the record thread
  /// Called on the hot thread between the warm-up and the first measured probe. What it refuses
  /// ends the run there.
  std::function<Result<void>()> before_probes;
  /// Sees the packets of the layer pcap, whole up to CaptureLog::snap_bytes; on the hot thread.
  std::function<void(const CapturedPacket&, const HookEvent&)> packets;
};

/// Kernel features that a run pretends not to have, so that every fallback can be tried on one
/// kernel. Names: see feature_switches() in features.hpp.
struct DisabledFeatures {
  std::vector<std::string> names;
};

/// A validated `netobs rtt`: everything that decides how the run goes. Times are positive.
struct RunConfig {
  std::string host;          ///< as the user gave it
  std::uint16_t port = 862;  ///< RFC 8762 section 3
  int address_family = 0;    ///< AF_INET, AF_INET6 or 0 for either
  std::string bind_address;  ///< empty = the kernel chooses
  std::string interface;     ///< SO_BINDTODEVICE; empty = by route
  std::optional<int> cpu;    ///< pins the hot thread
  WaitMode wait = WaitMode::hybrid;
  std::string transport = "auto";
  AfXdpOptions af_xdp;
  NicRequest nic;
  int busy_poll_us = 0;  ///< SO_BUSY_POLL; 0 = leave it
  LayerSelection layers;
  ScheduleConfig schedule;
  std::uint64_t count = 0;       ///< 0 = until `duration` or a signal
  Duration duration{};           ///< 0 = until `count` or a signal
  std::uint32_t size_bytes = 0;  ///< UDP payload; 0 = the smallest that carries all layers
  std::uint8_t dscp = 0;         ///< 0 to 63
  Duration timeout = std::chrono::seconds(1);
  std::string auth_key;  ///< bytes of the HMAC key; empty = unauthenticated mode
  std::vector<std::string> stores;
  bool keep_store = true;  ///< false: --no-store
  std::string spool_directory;
  CaptureRequest capture;
  std::string command_line;  ///< for the record, without secrets
  std::string application;   ///< "netobs 0.1.0", for the capture
  DisabledFeatures disabled;
  /// The hot thread and its sockets live in this namespace; -1 = where the process is. Borrowed.
  int network_namespace_fd = -1;
  RunTaps taps;

  static constexpr std::uint64_t default_count = 1000;
};

}  // namespace netobs::app
