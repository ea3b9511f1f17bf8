#pragma once
// Checks for programmer errors. They stay on in release builds: a wrong record is worse than a
// stop.

#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>

namespace netobs::detail {

[[noreturn]] inline void check_failed(const char* file, int line, const char* condition,
                                      const std::string& values) {
  fmt::print(stderr, "netobs: internal check failed at {}:{}: {} ({})\n", file, line, condition,
             values);
  std::abort();
}

}  // namespace netobs::detail

// NETOBS_CHECK(index < size, "index {} size {}", index, size);
#define NETOBS_CHECK(condition, ...)                                                            \
  do {                                                                                          \
    if (!(condition)) [[unlikely]]                                                              \
      ::netobs::detail::check_failed(__FILE__, __LINE__, #condition, fmt::format(__VA_ARGS__)); \
  } while (false)
