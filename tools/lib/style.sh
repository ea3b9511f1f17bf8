# shellcheck shell=bash
# Style rules that no other tool checks. Each function prints one line per offence, "file:line: what, and
# what to do instead", and nothing when all is well. The file list comes from tools/lint.

# A file that needs more lines has more than one responsibility.
netobs_max_lines=500
netobs_warn_lines=450

netobs_is_source() { [[ $1 == *.cpp || $1 == *.hpp || $1 == *.c || $1 == *.h ]]; }

style_lengths() {
  local file lines
  for file in "$@"; do
    if netobs_is_source "$file"; then
      lines=$(wc -l <"$file")
      if ((lines > netobs_max_lines)); then
        echo "$file:$lines: longer than $netobs_max_lines lines: split it by responsibility"
      fi
    fi
  done
}

style_long_files() { # warnings only
  local file lines
  for file in "$@"; do
    if netobs_is_source "$file"; then
      lines=$(wc -l <"$file")
      if ((lines > netobs_warn_lines && lines <= netobs_max_lines)); then
        echo "$file: $lines lines, near the limit of $netobs_max_lines"
      fi
    fi
  done
}

# style_forbidden PATTERN WHY FILE...: the extended regular expression must not occur.
style_forbidden() {
  local pattern=$1 why=$2
  shift 2
  { grep -nHIE -e "$pattern" -- "$@" || true; } | awk -v why="$why" -F: '{ print $1 ":" $2 ": " why }'
}

style_texts() {
  # Brackets keep these patterns from finding themselves.
  style_forbidden '\b(TO[D]O|FIX[M]E|XX[X])\b' 'an open end in the code: do it, or open an issue' "$@"
  style_forbidden '(^|[^[:alnum:]_.:/~-])/(wor[k]|hom[e]|roo[t]|User[s])/[[:alnum:]_.-]' \
    'a path of one machine: make it relative, or take it from the environment' "$@"
  style_forbidden '[[:blank:]]+$' 'blanks at the end of the line' "$@"
  style_forbidden $'\r' 'a carriage return: lines end in a newline only' "$@"
  local sources=() file
  for file in "$@"; do
    if netobs_is_source "$file"; then sources+=("$file"); fi
    # Seeds of the fuzz targets are packets, not text.
    if [[ $file != */seeds/* && -s $file && -n $(tail -c 1 "$file") ]]; then
      echo "$file: no newline at the end of the file"
    fi
  done
  if ((${#sources[@]})); then
    style_forbidden $'\t' 'a tab: indent with blanks' "${sources[@]}"
    style_forbidden '\busing namespace std;' 'names of std are written with std::' "${sources[@]}"
  fi
}

style_headers() {
  local file
  for file in "$@"; do
    case $file in
      bpf/*.hpp) ;; # user space
      bpf/abi.h)
        head -n 2 "$file" | grep -q 'SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause' ||
          echo "$file:1: both sides include it: needs SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause"
        ;;
      bpf/*.c | bpf/*.h | tests/vm/hwtsim/*)
        head -n 2 "$file" | grep -q 'SPDX-License-Identifier: GPL-2.0-only' ||
          echo "$file:1: runs in the kernel: needs SPDX-License-Identifier: GPL-2.0-only"
        ;;
    esac
    if [[ $file == *.hpp ]] && ! grep -q -m 1 '^#pragma once' "$file"; then
      echo "$file:1: no #pragma once"
    fi
  done
}

style_licences() {
  local file
  for file in LICENSE LICENSES/GPL-2.0-only.txt LICENSES/README.md; do
    if [[ ! -s $file ]]; then echo "$file: the licence text is missing"; fi
  done
  if ! grep -q 'Apache License' LICENSE; then echo "LICENSE: not the Apache License"; fi
}

# Generated and binary files do not belong in the repository; large ones are both more often than not.
style_sizes() {
  local file
  for file in "$@"; do
    if (($(stat -c %s "$file") > 512000)); then
      echo "$file: more than 500 kB: generate it in the build, or make it smaller"
    fi
  done
}
