#include "command.hpp"

#include <array>

namespace netobs::cli {
namespace {

constexpr std::array<Command, 13> commands{{
    {"demo", "Measure a real path inside this machine: the quickest way to see what it does",
     add_demo},
    {"rtt", "Measure the way to a reflector and back, layer by layer", add_rtt},
    {"reflect", "Answer probes: the server for rtt (STAMP session-reflector, RFC 8762)",
     add_reflect},
    {"replay", "Find the probes in packet captures, and report on them as on a run of one's own",
     add_replay},
    {"check", "Look at the network in general: throughput, ICMP latency, addresses, path MTU",
     add_check},
    {"report", "Show a stored run again", add_report},
    {"runs", "List the runs in a store", add_runs},
    {"compare", "Compare two runs, or two files of benchmarks: what got worse, and is that sure",
     add_compare},
    {"gate", "Measure two commands in turns and fail when the second is slower", add_gate},
    {"export", "Write a stored run as CSV, JSON lines or HdrHistogram log", add_export},
    {"doctor", "Say which timestamp points work here, why not the others, and what would help",
     add_doctor},
    {"selftest", "Prove the numbers: put known delays in, and see where they are found",
     add_selftest},
    {"db", "Prepare a store, look at it, send spooled rows", add_db},
}};

}  // namespace

std::span<const Command> command_table() {
  return commands;
}

}  // namespace netobs::cli
