#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "core/base/result.hpp"

namespace netobs::app {

struct Iperf3ServerOptions {
  std::vector<std::uint16_t> ports{5092, 5093};
  std::string bind_address;                        ///< empty = every address
  std::function<void(const std::string&)> report;  ///< one line when a server ends by itself
};

/// iperf3 servers, one per port, from start() to destruction. One that dies is started again,
/// later each time: after 0.5 s, 1 s, ... 30 s. They go with this process, SIGKILL included.
class Iperf3Servers {
 public:
  /// Fails when iperf3 cannot be run at all. Blocks no signal; make it after Signals::block().
  [[nodiscard]] static Result<std::unique_ptr<Iperf3Servers>> start(Iperf3ServerOptions options);
  ~Iperf3Servers();
  Iperf3Servers(const Iperf3Servers&) = delete;
  Iperf3Servers& operator=(const Iperf3Servers&) = delete;

 private:
  struct Server;
  explicit Iperf3Servers(Iperf3ServerOptions options) : options_(std::move(options)) {}
  void supervise();
  void look_after(Server& server);

  Iperf3ServerOptions options_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  // The kernel ends the servers with the thread that started them, so one thread does it all.
  std::thread thread_;
};

}  // namespace netobs::app
