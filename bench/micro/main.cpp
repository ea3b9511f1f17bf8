// Runs the benchmarks of one program of this folder; tools/bench runs all programs.

#include "micro/micro.hpp"

int main(int count, char** words) {
  benchmark::Initialize(&count, words);
  if (benchmark::ReportUnrecognizedArguments(count, words)) return 2;
  for (const auto add : netobs::micro::registrations()) add();
  benchmark::RunSpecifiedBenchmarks();
  // Servers that a benchmark started end here.
  benchmark::ClearRegisteredBenchmarks();
  benchmark::Shutdown();
  return 0;
}
