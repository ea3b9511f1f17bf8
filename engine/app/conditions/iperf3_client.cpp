#include "app/conditions/iperf3_client.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <vector>

#include "core/conditions/iperf3.hpp"
#include "core/report/clean_text.hpp"
#include "linux/os/child_process.hpp"

namespace netobs::app {
namespace {

constexpr auto connect_time = std::chrono::milliseconds(3000);
constexpr auto grace = std::chrono::seconds(5);  // connecting, and the exchange of results

std::vector<std::string> command_line(const Iperf3Test& test) {
  std::vector<std::string> arguments{"iperf3",
                                     "--client",
                                     test.address,
                                     "--port",
                                     fmt::format("{}", test.port),
                                     "--json",
                                     "--time",
                                     fmt::format("{}", test.time.count()),
                                     "--connect-timeout",
                                     fmt::format("{}", connect_time.count())};
  if (test.download) arguments.emplace_back("--reverse");
  if (test.streams > 1) {
    // What each stream did in each second would outgrow the bound on the output; nobody reads it.
    for (const auto* more : {"--interval", "0", "--parallel"}) arguments.emplace_back(more);
    arguments.push_back(fmt::format("{}", test.streams));
  }
  if (test.udp) {
    arguments.emplace_back("--udp");
    arguments.emplace_back("--bitrate");
    arguments.push_back(fmt::format("{:.0f}", test.udp_rate_bps));
  }
  return arguments;
}

std::unexpected<Error> refused(int code, std::string cause, std::string remedy) {
  return fail({.what = "measure throughput with iperf3",
               .sys_errno = code,
               .cause = std::move(cause),
               .remedy = std::move(remedy)});
}

}  // namespace

Result<conditions::Throughput> run_iperf3(const Iperf3Test& test, const std::atomic<bool>& stop) {
  using End = os::BoundedOutput::End;
  const auto limit = test.time + connect_time + grace;
  NETOBS_TRY(ran, os::run_bounded(command_line(test), {.output_bytes = conditions::max_iperf3_bytes,
                                                       .time = limit,
                                                       .stop = &stop}));
  switch (ran.end) {
    case End::timed_out:
      return refused(ETIMEDOUT,
                     fmt::format("It did not end within {:.0f} s and was killed.",
                                 std::chrono::duration<double>(limit).count()),
                     "Look whether the server on the other host hangs.");
    case End::too_much:
      return refused(EFBIG,
                     fmt::format("It wrote more than {} bytes.", conditions::max_iperf3_bytes), "");
    case End::stopped:
      return refused(ECANCELED, "", "");
    case End::exited:
      break;
  }
  auto result = conditions::parse_iperf3(ran.text);
  if (!result && !ran.errors.empty()) {
    result.error().cause +=
        " On standard error: " + report::clean_text(ran.errors.substr(0, ran.errors.find('\n')));
  }
  return result;
}

}  // namespace netobs::app
