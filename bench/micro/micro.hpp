#pragma once
// What the programs of this folder share. A unit is a file with one function that registers its
// benchmarks, and a row in the table of its program.

#include <benchmark/benchmark.h>

#include <random>
#include <span>

namespace netobs::micro {

using RegisterFunction = void (*)();

/// The table of the program that is linked.
[[nodiscard]] std::span<const RegisterFunction> registrations();

/// Inputs are the same in every run and on every machine.
inline constexpr std::uint64_t input_seed = 20'251'129;

[[nodiscard]] inline std::mt19937_64 input_random() {
  return std::mt19937_64(input_seed);
}

/// So many things were worked on: the reports then give items per second.
inline void count_items(benchmark::State& state, std::size_t per_iteration) {
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(per_iteration));
}

}  // namespace netobs::micro
