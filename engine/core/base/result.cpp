#include "core/base/result.hpp"

#include <fmt/format.h>

#include <system_error>

namespace netobs {

std::string Error::brief() const {
  std::string line = what;
  if (sys_errno != 0) {
    // The generic category is a table of texts: no locale, no global errno involved.
    line += ": " + std::generic_category().message(sys_errno);
  }
  return line;
}

std::string Error::message() const {
  std::string text = brief();
  if (cause.empty() && remedy.empty()) return text;
  text += "\n       ";
  if (!cause.empty()) text += " " + cause;
  if (!remedy.empty()) text += " " + remedy;
  return text;
}

std::string Error::sentence() const {
  std::string text = brief();
  if (!cause.empty() || !remedy.empty()) text += '.';
  if (!cause.empty()) text += " " + cause;
  if (!remedy.empty()) text += " " + remedy;
  return text;
}

}  // namespace netobs
