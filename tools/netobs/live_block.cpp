#include "live_block.hpp"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace netobs::cli {

bool terminal_on_stderr() {
  const char* kind = std::getenv("TERM");
  return ::isatty(STDERR_FILENO) == 1 && (kind == nullptr || std::strcmp(kind, "dumb") != 0);
}

std::optional<TerminalSize> stderr_size() {
  winsize size{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0) return std::nullopt;
  if (size.ws_col == 0 || size.ws_row == 0) return std::nullopt;
  return TerminalSize{size.ws_col, size.ws_row};
}

void put_on_stderr(std::string_view text) {
  // Not fmt::print, which throws.
  (void)std::fwrite(text.data(), 1, text.size(), stderr);
}

bool in_foreground() {
  const auto group = ::tcgetpgrp(STDERR_FILENO);
  return group < 0 || group == ::getpgrp();  // not our controlling terminal: nobody to disturb
}

std::string LiveBlock::to_top() const {
  // Lines that a smaller window has pushed out at its top cannot be reached.
  const auto up = std::min<std::size_t>(height_, size_.rows - 1);
  return up == 0 ? "\r" : fmt::format("\r\x1b[{}A", up);
}

void LiveBlock::draw(const std::vector<std::string>& lines, const TerminalSize& size) {
  size_ = size;
  // One write, so that no half of it is ever seen.
  std::string frame = to_top();
  for (const auto& line : lines) frame += line + "\x1b[K\r\n";
  frame += "\x1b[J";
  put_on_stderr(frame);
  height_ = lines.size();
}

void LiveBlock::clear() {
  if (height_ == 0) return;
  size_ = stderr_size().value_or(size_);
  put_on_stderr(to_top() + "\x1b[J");
  height_ = 0;
}

}  // namespace netobs::cli
