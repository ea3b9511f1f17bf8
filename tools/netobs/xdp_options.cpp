#include "xdp_options.hpp"

#include <array>
#include <utility>

namespace netobs::cli {
namespace {

constexpr std::array<std::pair<const char*, AfXdpMode>, 4> modes{{
    {"auto", AfXdpMode::automatic},
    {"zero-copy", AfXdpMode::zero_copy},
    {"copy", AfXdpMode::copy},
    {"skb", AfXdpMode::skb},
}};

}  // namespace

void XdpOptions::add_to(CLI::App& command, const std::string& group) {
  command
      .add_option(
          "--xdp-mode", mode,
          "How XDP gets at packets: zero-copy (the driver uses our frames), copy (XDP in the "
          "driver), skb (behind the driver, works everywhere); auto: the first that works")
      ->capture_default_str()
      ->check(CLI::IsMember({"auto", "zero-copy", "copy", "skb"}))
      ->group(group);
  command
      .add_flag("--force", force,
                "Take the place of another XDP program on the interface; it comes back at the end")
      ->group(group);
  command
      .add_option("--busy-poll", busy_poll_us,
                  "Let the kernel poll the NIC for so many microseconds when asked for packets "
                  "(SO_BUSY_POLL)")
      ->check(CLI::Range(0, 1000))
      ->group(group);
}

AfXdpOptions XdpOptions::af_xdp() const {
  AfXdpOptions options;
  options.replace_program = force;
  for (const auto& [name, value] : modes) {
    if (mode == name) options.mode = value;
  }
  return options;
}

}  // namespace netobs::cli
