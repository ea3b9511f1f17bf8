#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/time.hpp"

namespace netobs::cli {

struct TerminalSize {
  unsigned columns = 0;
  unsigned rows = 0;
  friend bool operator==(const TerminalSize&, const TerminalSize&) = default;
};

/// Whether standard error is a terminal that knows escape sequences.
[[nodiscard]] bool terminal_on_stderr();
/// Of the terminal on standard error; nullopt where it is none or does not say.
[[nodiscard]] std::optional<TerminalSize> stderr_size();
/// Puts text on standard error. Failure is not reported: where the window has been closed nobody is
/// left to tell, and the run goes on to keep its data.
void put_on_stderr(std::string_view text);
/// False for a job in the background: somebody else draws on the same screen.
[[nodiscard]] bool in_foreground();

/// Lines on standard error, redrawn in place. The cursor stays visible and stands in the line below
/// them between two drawings: however the process ends, there is nothing to restore, and what comes
/// next begins on a line of its own.
class LiveBlock {
 public:
  LiveBlock() = default;
  ~LiveBlock() { clear(); }
  LiveBlock(const LiveBlock&) = delete;
  LiveBlock& operator=(const LiveBlock&) = delete;

  /// Fewer lines than the terminal has rows, each narrower than it.
  void draw(const std::vector<std::string>& lines, const TerminalSize& size);
  /// Takes the lines away.
  void clear();
  /// The lines stay where they are, and the next ones come below: after something else wrote.
  void let_go() { height_ = 0; }

 private:
  [[nodiscard]] std::string to_top() const;

  std::size_t height_ = 0;
  TerminalSize size_;
};

}  // namespace netobs::cli
