#pragma once

#include <bpf/libbpf.h>

#include <string>

namespace netobs::linux_bpf {

/// Keeps libbpf from printing while it exists, and keeps the end of what this thread made it say.
class LibbpfLog {
 public:
  LibbpfLog();
  ~LibbpfLog();
  LibbpfLog(const LibbpfLog&) = delete;
  LibbpfLog& operator=(const LibbpfLog&) = delete;

  /// The last lines that say something, joined by "; ". Empty when nothing was said.
  [[nodiscard]] std::string last_words() const;

 private:
  std::string text_;
  std::string* outer_;
  libbpf_print_fn_t previous_;
};

}  // namespace netobs::linux_bpf
