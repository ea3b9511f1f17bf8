# shellcheck shell=bash
# What the scripts share: messages, logged steps with elapsed time, job limits, cleaning up. Progress
# goes to stderr, so that stdout carries results only.

netobs_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
netobs_logs=$netobs_root/build/logs
export LC_ALL=C.UTF-8

netobs_red='' netobs_reset=''
if [[ -t 2 && -z ${NO_COLOR:-} ]]; then
  netobs_red=$'\e[31m' netobs_reset=$'\e[0m'
fi

say() { printf '%s\n' "$*" >&2; }

# fail_with STATUS WHAT [REMEDY]: an error for a person, then exit.
fail_with() {
  say "${netobs_red}$(basename "$0"): $2${netobs_reset}"
  if [[ -n ${3:-} ]]; then say "    $3"; fi
  exit "$1"
}
die() { fail_with 1 "$@"; }
usage_error() { fail_with 2 "$1" "See $(basename "$0") --help."; }

# Prints the comment block at the top of the calling script as its help.
show_help() {
  awk 'NR == 1 { next } /^#/ { sub(/^# ?/, ""); print; next } { exit }' "$0"
}

have() { command -v "$1" >/dev/null 2>&1; }
is_root() { [[ $EUID -eq 0 ]]; }

elapsed_text() { # elapsed_text START_SECONDS
  local seconds=$((SECONDS - $1))
  if ((seconds < 60)); then echo "${seconds} s"; else echo "$((seconds / 60)) min $((seconds % 60)) s"; fi
}

# What must happen on every way out. Handlers run in reverse order of registration.
netobs_exit_handlers=()
on_exit() {
  netobs_exit_handlers+=("$*")
  trap netobs_run_exit_handlers EXIT
  # Turning signals into exits makes the EXIT trap run for them too.
  trap 'exit 130' INT
  trap 'exit 143' TERM
  trap 'exit 129' HUP
}
netobs_run_exit_handlers() {
  local status=$? i
  trap '' INT TERM HUP
  for ((i = ${#netobs_exit_handlers[@]} - 1; i >= 0; i--)); do
    eval "${netobs_exit_handlers[i]}" || true
  done
  exit "$status"
}

# Hands files made as root back to the person who called sudo. Does nothing otherwise.
give_back() {
  if ! is_root || [[ -z ${SUDO_UID:-} || ${SUDO_UID} == 0 ]]; then return 0; fi
  local path
  for path in "$@"; do
    if [[ -e $path ]]; then chown -R --no-dereference "$SUDO_UID:${SUDO_GID:-$SUDO_UID}" "$path"; fi
  done
}

# Parallel jobs: one per core, at most one per 1.5 GB of memory that is free (and that the control
# group allows): a C++ compiler takes more than 1 GB for the larger files.
build_jobs() {
  local cores memory_kb limit limit_file
  cores=$(nproc)
  memory_kb=$(awk '/^MemAvailable:/ { print $2 }' /proc/meminfo)
  for limit_file in /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes; do
    limit=$(cat "$limit_file" 2>/dev/null) || continue
    if [[ $limit =~ ^[0-9]{1,15}$ ]] && ((limit / 1024 < memory_kb)); then memory_kb=$((limit / 1024)); fi
  done
  local jobs=$((memory_kb / 1572864))
  if ((jobs > cores)); then jobs=$cores; fi
  if ((jobs < 1)); then jobs=1; fi
  echo "$jobs"
}

# One line that follows a log while a step runs: rewritten in place on a terminal, every 15 s elsewhere.
netobs_follow_log() {
  local log=$1 start=$SECONDS line width never
  # Waiting on a pipe that stays empty needs no sleep process, which would outlive us and hold our output.
  exec {never}<> <(:)
  if [[ -t 2 ]]; then
    width=$(tput cols 2>/dev/null || echo 80)
    while ! read -r -t 1 -u "$never"; do
      line=$(tail -n 1 "$log" 2>/dev/null | tr -cd '[:print:]')
      printf '\r\e[K      %s' "$(printf '%s  %s' "$(elapsed_text "$start")" "$line" | cut -c "1-$((width - 8))")" >&2
    done
  else
    while ! read -r -t 15 -u "$never"; do
      line=$(tail -n 1 "$log" 2>/dev/null | tr -cd '[:print:]' | cut -c 1-100)
      say "      $(elapsed_text "$start")  $line"
    done
  fi
}

netobs_follower=''
netobs_stop_follower() {
  if [[ -z $netobs_follower ]]; then return 0; fi
  kill "$netobs_follower" 2>/dev/null || true
  wait "$netobs_follower" 2>/dev/null || true
  netobs_follower=''
  if [[ -t 2 ]]; then printf '\r\e[K' >&2; fi
}
on_exit netobs_stop_follower

# logged NAME COMMAND...: runs a command with its output in build/logs/NAME.log and one line of progress.
# Returns the command's status; the caller decides what a failure means (see logged_failure).
logged() {
  local name=$1 status=0 start=$SECONDS
  shift
  mkdir -p "$netobs_logs"
  local log=$netobs_logs/$name.log
  { printf '# %s\n' "$*"; } >"$log"
  netobs_follow_log "$log" &
  netobs_follower=$!
  "$@" >>"$log" 2>&1 </dev/null || status=$?
  netobs_stop_follower
  if ((status == 0)); then say "      done in $(elapsed_text "$start")"; fi
  return "$status"
}

# logged_failure NAME REMEDY: the end of the log, where all of it is, what to do; then exit 1.
logged_failure() {
  local log=$netobs_logs/$1.log
  say ""
  # The first error of a compiler is worth more than the last lines, which tell of its neighbours.
  if tail -n +2 "$log" | grep -qE '(error|Error|ERROR|^E):'; then
    tail -n +2 "$log" | grep -m 3 -A 6 -E '(error|Error|ERROR|^E):'
  else
    tail -n 15 "$log"
  fi | cut -c 1-300 | sed 's/^/    | /' >&2
  die "step '$1' failed; the whole log: $log" "$2"
}

# configure PRESET [cmake arguments...]: a build tree that was made for another place of the checkout
# cannot be used again, so it is made anew.
configure() {
  local preset=$1 home
  shift
  local cache=$netobs_root/build/$preset/CMakeCache.txt
  if [[ -f $cache ]]; then
    home=$(sed -n 's/^CMAKE_HOME_DIRECTORY:INTERNAL=//p' "$cache")
    if [[ $home != "$netobs_root" ]]; then rm -rf "${netobs_root:?}/build/$preset"; fi
  fi
  (cd "$netobs_root" && cmake --preset "$preset" "$@")
}
