#!/usr/bin/env bash
# Checks of the scripts a user meets: each has a help that names itself and its exit status, refuses what it
# does not know with status 2, and dry runs change nothing.
#
# Usage: scripts_test.sh TOP_FOLDER
set -euo pipefail
cd "$1"
failures=0

# check WHAT COMMAND...
check() {
  local what=$1
  shift
  if "$@" >/dev/null 2>&1 </dev/null; then
    echo "ok      $what"
  else
    echo "FAILED  $what: $*"
    failures=$((failures + 1))
  fi
}

# check_status EXPECTED WHAT COMMAND...
check_status() {
  local expected=$1 what=$2 status=0
  shift 2
  "$@" >/dev/null 2>&1 </dev/null || status=$?
  if ((status == expected)); then
    echo "ok      $what"
  else
    echo "FAILED  $what: status $status, expected $expected: $*"
    failures=$((failures + 1))
  fi
}

prints() { # prints PATTERN COMMAND...: matched against stdout and stderr together
  local pattern=$1
  shift
  { "$@" 2>&1 || true; } | grep -qE -- "$pattern"
}

for script in quickstart setup test lint fuzz debian13 vm bench ci/gate; do
  check "$script parses" bash -n "tools/$script"
  check "$script --help" "tools/$script" --help
  check "$script --help shows how to call it" prints "^Usage: .*tools/$script" "tools/$script" --help
  check "$script --help names its exit status" prints "^Exit status: " "tools/$script" --help
  check_status 2 "$script refuses an unknown option" "tools/$script" --no-such-option
  check "$script names the unknown option" prints "no-such-option" "tools/$script" --no-such-option
done

for purpose in run build unit test bench; do
  check "setup --list --for $purpose" prints "iproute2" tools/setup --list --for "$purpose"
  check "setup --dry-run --for $purpose" tools/setup --dry-run --for "$purpose"
done
# From the top folder, where the group's name taken as a pattern would match the folder "tests".
check "setup --for test offers what the slow tests need" prints "debootstrap" tools/setup --list --for test
check_status 2 "setup refuses an unknown purpose" tools/setup --for dinner
check_status 2 "quickstart refuses a count of zero" tools/quickstart --count 0
check_status 2 "bench refuses a single repetition" tools/bench --repetitions 1
check_status 2 "bench refuses to compare with nothing" tools/bench --against no-such-file.json
check_status 2 "quickstart refuses a count that is none" tools/quickstart --count many
check_status 2 "vm refuses to run nothing" tools/vm
check_status 2 "vm refuses an unknown scenario" tools/vm no-such-nic
check_status 2 "vm refuses what is no name of a test" tools/vm igb ../e1000e
check_status 2 "vm refuses a limit of zero" tools/vm --timeout 0 igb
check_status 2 "vm refuses a scenario with --list" tools/vm --list igb
for scenario in $(tools/vm --list | awk '{ print $1 }'); do
  check "the scenario $scenario has a program" test -f "tests/vm/guest/$scenario.py"
done

# Help has to work from anywhere, also through a link.
check "quickstart --help from another folder" env -C / "$PWD/tools/quickstart" --help

# An optional package must not also be required for the same purpose, or its absence would be fatal.
for purpose in run build unit test bench; do
  duplicates=$(tools/setup --list --for "$purpose" | awk '{ print $2 }' | sort | uniq -d)
  check "no package twice for $purpose" test -z "$duplicates"
done

if ((failures)); then
  echo "$failures checks failed"
  exit 1
fi
echo "all checks passed"
