#!/usr/bin/env bash
# Fails when the core library refers to a clock, a descriptor, a thread, the environment or a log.
#
# Usage: check.sh ARCHIVE C++_COMPILER WORK_FOLDER
#
# Core has to be a function of its inputs: only so can a sender, a reflector and a link run in one process
# without root and in zero wall time, and only so does a seed repeat a run. The linker's view is the one
# that cannot be argued with, so this looks at the undefined symbols of each object. Before it trusts a
# clean answer, it checks that the same scan finds offences planted in a small object of its own.
set -euo pipefail
archive=$1 compiler=$2 work=$3
banned=$(dirname "${BASH_SOURCE[0]}")/banned.txt

# offences FILE: one line per offence, "object: symbol: reason".
offences() {
  # -P -A prints "archive[object]: symbol type" or "object: symbol type"; the symbol may hold spaces.
  nm -P -A -C -u "$1" 2>/dev/null | awk -v banned="$banned" '
    BEGIN {
      while ((getline line < banned) > 0) {
        if (line ~ /^#/ || line !~ /\t/) continue
        split(line, field, "\t")
        if (line ~ /^!/) allowed[++allowed_count] = "^(" substr(field[1], 2) ")$"
        else { pattern[++count] = "^(" field[1] ")$"; reason[count] = field[2] }
      }
      if (count == 0) { print "the table of banned symbols is empty"; exit }
    }
    {
      separator = index($0, ": ")
      object = substr($0, 1, separator - 1)
      sub(/^.*\[/, "", object); sub(/\]$/, "", object); sub(/^.*\//, "", object)
      symbol = substr($0, separator + 2)
      sub(/ [UwvV] *$/, "", symbol); sub(/@+[A-Za-z0-9_.]+$/, "", symbol)
      for (i = 1; i <= allowed_count; i++) if (symbol ~ allowed[i]) next
      for (i = 1; i <= count; i++) {
        if (symbol ~ pattern[i]) { print object ": " symbol ": " reason[i]; next }
      }
    }' | sort -u
}

# The offences planted here, and a few names that must pass although they look alike.
self_check() {
  mkdir -p "$work"
  cat >"$work/planted.cpp" <<'CPP'
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <string>
#include <thread>
#include <unistd.h>
long planted(const char* path) {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  long sum = now.tv_sec + std::chrono::steady_clock::now().time_since_epoch().count();
  std::thread([] {}).join();
  sum += usleep(1) + long(sleep(1));
  std::ofstream(path) << std::string(getenv("HOME"));
  return sum + write(1, path, 1) + (std::fopen(path, "r") != nullptr);
}
CPP
  cat >"$work/innocent.cpp" <<'CPP'
#include <cstdio>
#include <string>
namespace netobs { long time(long x); long read(const std::string& x); struct clock { long now(); }; }
void stop(const char*);
long innocent(const std::string& text) {
  netobs::clock clock;
  return netobs::time(1) + netobs::read(text) + clock.now() + (stderr != nullptr);
}
CPP
  "$compiler" -std=c++20 -O1 -c "$work/planted.cpp" -o "$work/planted.o"
  "$compiler" -std=c++20 -O1 -c "$work/innocent.cpp" -o "$work/innocent.o"
  local found symbol failed=0
  found=$(offences "$work/planted.o")
  for symbol in 'clock_gettime' 'std::chrono::.*steady_clock::now()' 'std::thread::' 'std::basic_ofstream' \
    'getenv' 'write' 'fopen' 'usleep' 'sleep'; do
    if ! grep -q ": $symbol" <<<"$found"; then
      echo "self-check: the scan missed the planted $symbol"
      failed=1
    fi
  done
  found=$(offences "$work/innocent.o")
  if [[ -n $found ]]; then
    echo "self-check: the scan accuses an innocent object:"
    echo "$found"
    failed=1
  fi
  if ((failed)); then
    echo "core_purity: the check itself is broken"
    exit 1
  fi
  echo "self-check: 9 planted offences found, none in the innocent object"
}

self_check
if [[ ! -s $archive ]]; then
  echo "core_purity: no such library: $archive"
  exit 1
fi
object_count=$(ar t "$archive" | wc -l)
found=$(offences "$archive")
if [[ -n $found ]]; then
  echo "core is not pure (object: symbol: why it is banned):"
  echo "$found"
  exit 1
fi
echo "core is pure: $object_count objects, nothing banned"
