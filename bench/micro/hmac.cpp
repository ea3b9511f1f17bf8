// One digest: the base of an authenticated packet, and a whole probe with all layers.

#include "core/wire/hmac.hpp"

#include <vector>

#include "micro/core_units.hpp"
#include "micro/micro.hpp"

namespace netobs::micro {
namespace {

void digest(benchmark::State& state) {
  const std::vector<std::byte> key(32, std::byte{0x5a});
  auto hmac = wire::Hmac::make(key).value();
  const auto size = static_cast<std::size_t>(state.range(0));
  std::vector<std::byte> message(size, std::byte{0x11});
  for ([[maybe_unused]] auto _ : state) {
    auto result = hmac.digest(message);
    benchmark::DoNotOptimize(result);
    message[0] = result[0];  // the next message is another one
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(size));
}

}  // namespace

void register_hmac() {
  benchmark::RegisterBenchmark("hmac/digest", digest)->ArgName("octets")->Arg(96)->Arg(236);
}

}  // namespace netobs::micro
