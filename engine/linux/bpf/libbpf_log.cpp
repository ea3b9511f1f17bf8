#include "linux/bpf/libbpf_log.hpp"

#include <array>
#include <cstdarg>
#include <cstdio>
#include <string_view>
#include <vector>

namespace netobs::linux_bpf {
namespace {

constexpr std::size_t kept_bytes = 4096;

// libbpf takes a bare function pointer and calls it in the thread that called libbpf: there is no
// other way to hand it a place to write to. Null outside the scope of a LibbpfLog.
// NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables): see above
thread_local std::string* current_text = nullptr;

[[gnu::format(printf, 2, 0)]] int keep(libbpf_print_level level, const char* format, va_list args) {
  if (current_text == nullptr || level == LIBBPF_DEBUG) return 0;
  std::array<char, kept_bytes> line{};
  const int length = std::vsnprintf(line.data(), line.size(), format, args);
  if (length <= 0) return 0;
  current_text->append(line.data());
  if (current_text->size() > kept_bytes) {
    current_text->erase(0, current_text->size() - kept_bytes);
  }
  return 0;
}

bool says_something(std::string_view line) {
  return !line.empty() && !line.starts_with("processed ") &&
         line.find("LOG --") == std::string_view::npos &&
         line.find("failed to load object") == std::string_view::npos;
}

}  // namespace

LibbpfLog::LibbpfLog() : outer_(current_text), previous_(libbpf_set_print(keep)) {
  current_text = &text_;
}

LibbpfLog::~LibbpfLog() {
  current_text = outer_;
  libbpf_set_print(previous_);
}

std::string LibbpfLog::last_words() const {
  constexpr std::size_t lines_kept = 2;
  std::vector<std::string_view> lines;
  std::string_view rest = text_;
  while (!rest.empty()) {
    const auto end = rest.find('\n');
    const auto line = rest.substr(0, end);
    if (says_something(line)) lines.push_back(line);
    rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
  }
  std::string joined;
  for (std::size_t i = lines.size() - std::min(lines.size(), lines_kept); i < lines.size(); ++i) {
    if (!joined.empty()) joined += "; ";
    joined += lines[i];
  }
  return joined;
}

}  // namespace netobs::linux_bpf
