#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/layer_selection.hpp"
#include "app/run_config.hpp"
#include "core/base/endpoint.hpp"
#include "core/session/reflector.hpp"
#include "core/session/transport.hpp"

namespace netobs::app {

struct ReflectorOptions {
  Endpoint listen;        ///< all zero address = every address; port 0 = the kernel chooses
  std::string interface;  ///< answer on this one only; empty = all
  std::string transport = "auto";
  AfXdpOptions af_xdp;
  NicRequest nic;
  int busy_poll_us = 0;  ///< SO_BUSY_POLL; 0 = leave it
  LayerSelection layers;
  WaitMode wait = WaitMode::block;
  std::optional<int> cpu;
  std::string auth_key;       ///< empty = unauthenticated
  std::vector<Prefix> allow;  ///< empty = everyone
  RateLimit rate;
  std::uint32_t max_sessions = 256;
  bool stateful = true;
  bool answer_own_port = false;
  DisabledFeatures disabled;
  int network_namespace_fd = -1;    ///< -1 = where the process is. Borrowed for start() only.
  TransportWrapper wrap_transport;  ///< empty but in the self-test
};

/// What a reflector that is running is and does.
struct ReflectorState {
  Endpoint local;
  std::string transport;
  std::string hooks;                 ///< description, "none" without any
  std::string nic;                   ///< which NIC's clock stamps, and how it is set; empty = none
  PointSet points;                   ///< that it records
  PointSet on_path;                  ///< that packets pass here at all
  std::vector<std::string> remarks;  ///< sentences about the NIC
  std::vector<std::string> refused;  ///< why points are missing, one line each
};

/// A session-reflector on a thread of its own, from start() until stop() or destruction.
class ReflectorService {
 public:
  /// Returns when it answers. Errors: address in use, no privilege for the port, a named layer that
  /// cannot be had (exit status 5).
  [[nodiscard]] static Result<ReflectorService> start(const ReflectorOptions& options);
  ~ReflectorService();
  ReflectorService(ReflectorService&&) noexcept;
  ReflectorService& operator=(ReflectorService&&) = delete;
  ReflectorService(const ReflectorService&) = delete;
  ReflectorService& operator=(const ReflectorService&) = delete;

  [[nodiscard]] const ReflectorState& state() const;
  [[nodiscard]] const Endpoint& local() const { return state().local; }
  /// Stops answering, restores the host, returns what it counted. Later calls return the same.
  ReflectorCounters stop();

 private:
  struct Shared;
  explicit ReflectorService(std::unique_ptr<Shared> shared);
  std::unique_ptr<Shared> shared_;
};

}  // namespace netobs::app
