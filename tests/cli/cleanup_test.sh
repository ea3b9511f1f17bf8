#!/usr/bin/env bash
# The parts the scripts share: exit handlers run in reverse order on every way out, a failed step shows its
# error and its log, and the job limit stays within the machine.
#
# Usage: cleanup_test.sh TOP_FOLDER
set -euo pipefail
top=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0

expect() { # expect WHAT EXPECTED ACTUAL
  if [[ $2 == "$3" ]]; then
    echo "ok      $1"
  else
    printf 'FAILED  %s\n  expected: %s\n  actual:   %s\n' "$1" "$2" "$3"
    failures=$((failures + 1))
  fi
}

# run_script BODY: BODY with common.sh loaded and its logs kept apart; prints output and status.
run_script() {
  {
    echo 'set -euo pipefail'
    echo "source '$top/tools/lib/common.sh'"
    echo "netobs_logs='$work/logs'"
    echo "$1"
  } >"$work/script"
  local status=0
  bash "$work/script" >"$work/out" 2>&1 </dev/null || status=$?
  echo "status $status" >>"$work/out"
  tr '\n' '|' <"$work/out"
}

expect "handlers run in reverse order" "second|first|status 3|" \
  "$(run_script 'on_exit echo first; on_exit echo second; exit 3')"
expect "handlers run after a command failed" "cleaned|status 1|" \
  "$(run_script 'on_exit echo cleaned; false; echo unreachable')"
expect "handlers run after SIGINT" "cleaned|status 130|" \
  "$(run_script 'on_exit echo cleaned; kill -INT $$; echo unreachable')"
expect "handlers run after SIGTERM" "cleaned|status 143|" \
  "$(run_script 'on_exit echo cleaned; kill -TERM $$; echo unreachable')"
expect "a failing handler does not hide the status or stop the others" "last|status 4|" \
  "$(run_script 'on_exit echo last; on_exit false; exit 4')"

run_script 'logged step bash -c "echo a.cpp:1: error: wrong; exit 7" || logged_failure step "Mend it."' >/dev/null
expect "a failed step shows the error" 1 "$(grep -c '^    | a.cpp:1: error: wrong$' "$work/out")"
expect "a failed step shows the log" 1 "$(grep -c "$work/logs/step.log" "$work/out")"
expect "a failed step shows the remedy" 1 "$(grep -c '^    Mend it.$' "$work/out")"
expect "a failed step ends with status 1" 1 "$(grep -c '^status 1$' "$work/out")"

jobs=$(run_script 'build_jobs' | cut -d'|' -f1)
expect "the job limit is between 1 and the number of cores" yes \
  "$( ((jobs >= 1 && jobs <= $(nproc))) && echo yes || echo "no: $jobs")"

expect "without sudo nothing changes hands" "status 0|" \
  "$(run_script 'unset SUDO_UID; give_back /nonexistent')"

if [[ $EUID -eq 0 ]]; then
  touch "$work/made-by-root"
  ln -s /etc/hostname "$work/link"
  before=$(stat -L -c %u /etc/hostname)
  run_script "SUDO_UID=65534 SUDO_GID=65534; give_back '$work/made-by-root' '$work/link'" >/dev/null
  expect "with sudo, files go back to the caller" 65534 "$(stat -c %u "$work/made-by-root")"
  expect "what a link points to stays as it was" "$before" "$(stat -L -c %u /etc/hostname)"
else
  echo "skipped giving files back: not root"
fi

if ((failures)); then exit 1; fi
