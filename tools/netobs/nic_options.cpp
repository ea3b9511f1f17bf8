#include "nic_options.hpp"

#include <fmt/format.h>

#include <charconv>
#include <string_view>

namespace netobs::cli {
namespace {

/// "auto", "1", "1/16".
Result<StampSampling> parse_sampling(const std::string& text) {
  if (text == "auto") return StampSampling{};
  const auto slash = text.find('/');
  const std::string_view numerator = std::string_view(text).substr(0, slash);
  const std::string_view denominator =
      slash == std::string::npos ? "1" : std::string_view(text).substr(slash + 1);
  constexpr std::uint32_t sparsest = 1'000'000;
  std::uint32_t every = 0;
  const auto [stop, code] = std::from_chars(denominator.begin(), denominator.end(), every);
  if (numerator != "1" || code != std::errc{} || stop != denominator.end() || every == 0 ||
      every > sparsest) {
    return fail({.what = fmt::format("'{}' is not a sample", text),
                 .cause = "",
                 .remedy = "Use auto, 1 for every packet, or 1/16 for one in sixteen (1/1000000 at "
                           "most).",
                 .exit = ExitCode::usage});
  }
  return StampSampling{every};
}

}  // namespace

void NicOptions::add_to(CLI::App& command, const std::string& group) {
  command
      .add_option("--nic-sample", sample,
                  "Which packets get a hardware transmit timestamp: auto (as many as the NIC "
                  "manages), 1 (every one), 1/16. NICs hold one to four at a time")
      ->capture_default_str()
      ->group(group);
  command
      .add_flag("--nic-force", force,
                "Change the NIC's timestamping although a PTP program depends on it; it is put "
                "back at the end")
      ->group(group);
  command
      .add_flag("--ptp-disguise", ptp_disguise,
                "Make packets look like PTP event messages (UDP port 319 on both ends), for NICs "
                "that stamp no others; give it to both ends. 60000 probes at most")
      ->group(group);
}

Result<app::NicRequest> NicOptions::request() const {
  NETOBS_TRY(sampling, parse_sampling(sample));
  return app::NicRequest{sampling, force, ptp_disguise};
}

}  // namespace netobs::cli
