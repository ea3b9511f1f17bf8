#pragma once
// The one error type of the project and how it travels: std::expected from a static make(), or from
// any call that can fail because of the environment. Programmer errors abort (check.hpp); what
// happens to a single packet is data, not an error.

#include <expected>
#include <string>
#include <utility>

namespace netobs {

/// Exit status of the command, and the class of an Error.
enum class ExitCode : int {
  ok = 0,
  failed = 1,
  usage = 2,
  invariant = 3,      ///< a bound that must hold was missed
  regression = 4,     ///< a comparison found something worse
  layer_missing = 5,  ///< a layer asked for by name cannot be measured here
};

/// Something the environment refused. Every field but `what` may be empty.
struct Error {
  std::string what;    ///< what was tried, on what: "attach tc egress on eth0"
  int sys_errno = 0;   ///< errno of the failing call, 0 when there is none
  std::string cause;   ///< the likely cause, one sentence
  std::string remedy;  ///< what the reader can do about it, one sentence
  ExitCode exit = ExitCode::failed;

  /// One or two lines for a person: what, why, remedy.
  [[nodiscard]] std::string message() const;
  /// The same in one line: for a note.
  [[nodiscard]] std::string sentence() const;
  /// The first line of message() only: for a table cell or a reason field.
  [[nodiscard]] std::string brief() const;
};

template <class T = void>
using Result = std::expected<T, Error>;

[[nodiscard]] inline std::unexpected<Error> fail(Error error) {
  return std::unexpected<Error>(std::move(error));
}

}  // namespace netobs

// Unwraps a Result into `name`, or returns its error from the enclosing function.
#define NETOBS_TRY(name, ...)                                                       \
  auto name##_or_error = (__VA_ARGS__);                                             \
  if (!name##_or_error) return std::unexpected(std::move(name##_or_error).error()); \
  auto& name = *name##_or_error

// The same for Result<void>.
#define NETOBS_TRY_VOID(...)                                     \
  do {                                                           \
    if (auto netobs_outcome = (__VA_ARGS__); !netobs_outcome)    \
      return std::unexpected(std::move(netobs_outcome).error()); \
  } while (false)
