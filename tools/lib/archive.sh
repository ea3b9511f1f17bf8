# shellcheck shell=bash
# Where Debian's packages come from on this machine, for those who make a Debian tree of their own.

# find_mirror [LABEL]: the archive this machine already trusts for Debian (or for Ubuntu), so that mirrors and
# proxies keep working.
find_mirror() {
  local label=${1:-Debian}
  if [[ $label == Debian && -n ${NETOBS_DEBIAN_MIRROR:-} ]]; then
    echo "$NETOBS_DEBIAN_MIRROR"
    return
  fi
  # $(REPO_URI) is apt's own placeholder.
  # shellcheck disable=SC2016
  apt-get indextargets --format '$(REPO_URI)' "Created-By: Packages" "Origin: $label" "Label: $label" \
    2>/dev/null | grep -m 1 -E '^https?:' || true
}

use_apt_proxy() {
  local proxy=''
  eval "$(apt-config shell proxy Acquire::http::Proxy)"
  if [[ -n $proxy && $proxy != DIRECT ]]; then export http_proxy=$proxy; fi
}
