#pragma once
// What a process's name, arguments and configuration say about its use of a NIC.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace netobs::nic {

/// A program for time synchronisation.
struct PtpProgram {
  std::string_view name;   ///< the kernel's name of the process, at most 15 characters
  std::string_view what;   ///< the end of a sentence that begins with its name
  bool needs_setting;      ///< it depends on rx_filter and tx_type
  bool only_by_directive;  ///< it uses a NIC's times only where its configuration says hwtimestamp
  std::span<const std::string_view> configurations;  ///< files it reads without being told
};
/// nullptr: none of those that are known.
[[nodiscard]] const PtpProgram* ptp_program(std::string_view process_name);

/// What one process was started with.
struct ProcessText {
  std::vector<std::string> arguments = {};
  std::string configuration = {};  ///< the text of its files, as far as they can be read
};
/// Whether the program uses this interface, or does not say which. `is_interface`: whether a word
/// is the name of an interface here.
[[nodiscard]] bool may_use(const PtpProgram& program, const ProcessText& text,
                           std::string_view interface,
                           const std::function<bool(std::string_view)>& is_interface);

/// The file that the arguments name with -f; empty for none.
[[nodiscard]] std::string named_configuration(const std::vector<std::string>& arguments);

/// The inode of a socket on UDP port 319, from a line of /proc/net/udp or udp6.
[[nodiscard]] std::optional<std::uint64_t> ptp_event_socket(std::string_view line);

}  // namespace netobs::nic
