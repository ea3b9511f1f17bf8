// Runs a fuzz target without libFuzzer: every file named on the command line, then N inputs from a
// fixed seed. Half of them are random octets, half are mutations of the files and of what was run
// before, so that headers survive now and then. Usage: TARGET RUNS [SEED_FILE...]

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <random>
#include <vector>

#include "fuzz/fuzz.hpp"

namespace {

using Input = std::vector<std::uint8_t>;
constexpr std::size_t longest_input = 600;
constexpr std::size_t pool_size = 64;

Input read_file(const char* path) {
  std::ifstream file(path, std::ios::binary);
  return Input(std::istreambuf_iterator<char>(file), {});
}

std::size_t below(std::mt19937& random, std::size_t limit) {
  return random() % limit;
}

Input random_input(std::mt19937& random) {
  Input input(below(random, longest_input));
  for (auto& octet : input) octet = static_cast<std::uint8_t>(random());
  return input;
}

Input mutated(std::mt19937& random, Input input) {
  for (std::size_t changes = 1 + below(random, 4); changes > 0 && !input.empty(); --changes) {
    auto& octet = input[below(random, input.size())];
    octet = below(random, 2) == 0 ? static_cast<std::uint8_t>(random())
                                  : static_cast<std::uint8_t>(octet ^ 1U << below(random, 8));
  }
  if (below(random, 4) == 0) input.resize(below(random, input.size() + 32));
  return input;
}

void run(const Input& input) {
  (void)LLVMFuzzerTestOneInput(input.data(), input.size());
}

}  // namespace

int main(int argc, char** argv) {
  const long runs = argc > 1 ? std::strtol(argv[1], nullptr, 10) : 0;
  std::vector<Input> pool;
  for (int i = 2; i < argc; ++i) pool.push_back(read_file(argv[i]));
  for (const auto& input : pool) run(input);
  std::mt19937 random(20'261'123);
  for (long i = 0; i < runs; ++i) {
    const bool mutate = !pool.empty() && below(random, 2) == 0;
    Input input = mutate ? mutated(random, pool[below(random, pool.size())]) : random_input(random);
    run(input);
    if (pool.size() < pool_size) pool.push_back(std::move(input));
  }
  std::printf("%zu seeds, %ld generated inputs\n",
              argc > 2 ? static_cast<std::size_t>(argc - 2) : 0, runs);
  return 0;
}
