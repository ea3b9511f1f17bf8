#include "app/conditions/iperf3_servers.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>

#include "core/report/clean_text.hpp"
#include "linux/os/child_process.hpp"
#include "linux/os/clock.hpp"

namespace netobs::app {
namespace {

constexpr Duration first_pause = std::chrono::milliseconds(500);
constexpr Duration last_pause = std::chrono::seconds(30);
constexpr Duration long_life = std::chrono::seconds(60);  // what lived so long starts afresh
constexpr auto look = std::chrono::milliseconds(100);
constexpr std::size_t kept_bytes = 256;

/// Takes what a server writes, so that it never waits for a full pipe, and keeps the end of it.
void drain(int fd, std::string& text) {
  std::array<char, 4096> chunk{};
  for (int i = 0; i < 16; ++i) {
    // NOLINTNEXTLINE(clang-analyzer-unix.BlockInCriticalSection): the pipe is set not to block
    const auto count = ::read(fd, chunk.data(), chunk.size());
    if (count <= 0) return;
    text.append(chunk.data(), static_cast<std::size_t>(count));
    if (text.size() > kept_bytes) text.erase(0, text.size() - kept_bytes);
  }
}

void never_wait_for(int fd) {
  (void)::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
}

std::string last_line(std::string_view text) {
  while (text.ends_with('\n')) text.remove_suffix(1);
  const auto at = text.rfind('\n');
  return report::clean_text(at == std::string_view::npos ? text : text.substr(at + 1));
}

}  // namespace

struct Iperf3Servers::Server {
  std::uint16_t port = 0;
  std::optional<os::ChildProcess> process;
  MonotonicTime started;
  MonotonicTime next_start;
  Duration pause = first_pause;
  std::string said;
};

Result<std::unique_ptr<Iperf3Servers>> Iperf3Servers::start(Iperf3ServerOptions options) {
  constexpr std::size_t output_bytes = 4096;
  NETOBS_TRY(version, os::run_bounded({"iperf3", "--version"}, {.output_bytes = output_bytes,
                                                                .time = std::chrono::seconds(5)}));
  if (version.end != os::BoundedOutput::End::exited || version.exit_status != 0) {
    return fail({.what = "run iperf3 --version",
                 .cause = "It failed or did not end.",
                 .remedy = "Install the package iperf3 anew."});
  }
  std::unique_ptr<Iperf3Servers> made(new Iperf3Servers(std::move(options)));
  made->thread_ = std::thread([servers = made.get()] { servers->supervise(); });
  return made;
}

Iperf3Servers::~Iperf3Servers() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Iperf3Servers::supervise() {
  std::vector<Server> servers;
  servers.reserve(options_.ports.size());
  for (const auto port : options_.ports) {
    auto& server = servers.emplace_back();
    server.port = port;
    server.next_start = os::monotonic_now();
  }
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    lock.unlock();
    for (auto& server : servers) look_after(server);
    lock.lock();
    wake_.wait_for(lock, look, [&] { return stopping_; });
  }
}

void Iperf3Servers::look_after(Server& server) {
  const auto now = os::monotonic_now();
  if (server.process) {
    const int status = server.process->poll_status();
    drain(server.process->output(), server.said);
    drain(server.process->errors(), server.said);
    if (status < 0) return;
    server.process.reset();
    if (now - server.started >= long_life) server.pause = first_pause;
    server.next_start = now + server.pause;
    if (options_.report) {
      options_.report(fmt::format("iperf3 on port {} ended with status {} ({}); again in {:.1f} s",
                                  server.port, status, last_line(server.said),
                                  std::chrono::duration<double>(server.pause).count()));
    }
    server.pause = std::min(server.pause * 2, last_pause);
    server.said.clear();
    return;
  }
  if (now < server.next_start) return;
  std::vector<std::string> arguments{"iperf3", "--server", "--port",
                                     fmt::format("{}", server.port)};
  if (!options_.bind_address.empty()) {
    arguments.emplace_back("--bind");
    arguments.push_back(options_.bind_address);
  }
  auto process = os::ChildProcess::start(arguments);
  server.started = now;
  if (!process) {
    server.next_start = now + server.pause;
    server.pause = std::min(server.pause * 2, last_pause);
    if (options_.report) options_.report(process.error().brief());
    return;
  }
  server.process.emplace(std::move(*process));
  never_wait_for(server.process->output());
  never_wait_for(server.process->errors());
}

}  // namespace netobs::app
