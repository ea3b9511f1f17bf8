#include "linux/nic/ptp_evidence.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace netobs::nic {
namespace {

constexpr std::size_t local_address_field = 1;
constexpr std::size_t inode_field = 9;
constexpr std::string_view ptp_event_port = ":013F";  // 319

constexpr std::array<std::string_view, 4> chrony_files{
    "/etc/chrony/chrony.conf", "/etc/chrony.conf", "/etc/chrony/conf.d", "/etc/chrony.d"};

constexpr std::string_view by_timestamps = "keeps PTP time by this NIC's timestamps";
constexpr std::array<PtpProgram, 8> programs{{
    {"ptp4l", by_timestamps, true, false, {}},
    {"ptp4u", "serves PTP time by this NIC's timestamps", true, false, {}},
    {"sptp", by_timestamps, true, false, {}},
    {"statime", by_timestamps, true, false, {}},
    {"chronyd", "keeps NTP time by this NIC's timestamps", true, true, chrony_files},
    {"ptpd2", "keeps PTP time by the system's timestamps", false, false, {}},
    {"phc2sys", "sets this NIC's clock and the system's by one another", false, false, {}},
    {"ts2phc", "sets this NIC's clock by pulses", false, false, {}},
}};

/// Words end at white space and at what sets names off in configuration files.
template <class Visit>
void for_each_word(std::string_view text, const Visit& visit) {
  constexpr std::string_view ends = " \t\r\n[]=\"',";
  while (true) {
    const auto first = text.find_first_not_of(ends);
    if (first == std::string_view::npos) return;
    text.remove_prefix(first);
    const auto size = std::min(text.find_first_of(ends), text.size());
    visit(text.substr(0, size));
    text.remove_prefix(size);
  }
}

/// "eth0.5" is a VLAN of eth0: what it is set to, eth0 is set to.
bool names(std::string_view word, std::string_view interface) {
  if (word.starts_with("-i")) word.remove_prefix(2);
  return word == interface || (word.size() > interface.size() && word.starts_with(interface) &&
                               word[interface.size()] == '.');
}

/// Lines without comments.
template <class Visit>
void for_each_line(std::string_view text, const Visit& visit) {
  while (!text.empty()) {
    const auto size = std::min(text.find('\n'), text.size());
    const auto line = text.substr(0, size);
    visit(line.substr(0, line.find('#')));
    text.remove_prefix(std::min(size + 1, text.size()));
  }
}

bool has_directive_for(std::string_view configuration, std::string_view interface) {
  bool found = false;
  for_each_line(configuration, [&](std::string_view line) {
    std::vector<std::string_view> words;
    for_each_word(line, [&](std::string_view word) { words.push_back(word); });
    if (words.size() >= 2 && words[0] == "hwtimestamp") {
      found = found || words[1] == "*" || names(words[1], interface);
    }
  });
  return found;
}

}  // namespace

const PtpProgram* ptp_program(std::string_view process_name) {
  const auto found = std::ranges::find(programs, process_name, &PtpProgram::name);
  return found == programs.end() ? nullptr : &*found;
}

bool may_use(const PtpProgram& program, const ProcessText& text, std::string_view interface,
             const std::function<bool(std::string_view)>& is_interface) {
  if (program.only_by_directive) return has_directive_for(text.configuration, interface);
  bool ours = false;
  bool others = false;
  const auto look = [&](std::string_view word) {
    ours = ours || names(word, interface);
    others = others || is_interface(word.starts_with("-i") ? word.substr(2) : word);
  };
  for (const auto& argument : text.arguments) for_each_word(argument, look);
  for_each_line(text.configuration, [&](std::string_view line) { for_each_word(line, look); });
  return ours || !others;
}

std::string named_configuration(const std::vector<std::string>& arguments) {
  for (std::size_t i = 1; i < arguments.size(); ++i) {
    if (arguments[i] == "-f") return i + 1 < arguments.size() ? arguments[i + 1] : "";
    if (arguments[i].starts_with("-f")) return arguments[i].substr(2);
  }
  return {};
}

std::optional<std::uint64_t> ptp_event_socket(std::string_view line) {
  std::size_t field = 0;
  bool ours = false;
  std::optional<std::uint64_t> inode;
  for_each_word(line, [&](std::string_view word) {
    if (field == local_address_field) ours = word.ends_with(ptp_event_port);
    if (field == inode_field && ours) {
      std::uint64_t number = 0;
      const auto [end, code] = std::from_chars(word.data(), word.data() + word.size(), number);
      if (code == std::errc{} && end == word.data() + word.size()) inode = number;
    }
    ++field;
  });
  return inode;
}

}  // namespace netobs::nic
