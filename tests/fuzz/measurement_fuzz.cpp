// The files that netobs compare reads, and what it makes of them: any text at all.

#include <cstdint>
#include <string_view>

#include "core/compare/comparison.hpp"
#include "core/compare/render.hpp"
#include "fuzz/fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace netobs::compare;
  // Two files in one input: a line of its own parts them.
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto middle = text.find("\n===\n");
  const auto base = parse_measurement(text.substr(0, middle), "base");
  if (!base) return 0;
  const auto rest = middle == std::string_view::npos ? text : text.substr(middle + 5);
  const auto next = parse_measurement(rest, "new");
  const auto found = compare(*base, next ? *next : *base, {});
  for (const auto& renderer : renderer_table) {
    if (renderer.render(found, {}).empty()) __builtin_trap();
  }
  return 0;
}
