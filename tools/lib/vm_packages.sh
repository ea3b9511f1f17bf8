# shellcheck shell=bash
# QEMU, a kernel with its headers and busybox, unpacked from the distribution's packages into a folder of
# their own. apt runs with a configuration of its own, so the machine's lists, sources and packages stay as
# they are, and root is not needed. The caller brings common.sh, archive.sh and a function skip.
#
# In the folder of vm_cache:
#   apt/       configuration, lists and packages, while they are fetched
#   packages/  the unpacked tree; vm_release is the kernel's release, `complete` is written last
# shellcheck disable=SC2154

vm_cache=${XDG_CACHE_HOME:-/var/cache}/netobs/vm
vm_tree=$vm_cache/packages
vm_libraries=$vm_tree/usr/lib/x86_64-linux-gnu:$vm_tree/lib/x86_64-linux-gnu
vm_release=''
vm_modules_dir=''

# One row per distribution: ID and VERSION_ID, the label of its archive, suites (the last one is preferred),
# keyring, the packages that depend on the newest kernel. Debian 12's own QEMU has no igb: backports have.
vm_distributions=(
  "debian 12     Debian bookworm,bookworm-backports debian-archive-keyring.gpg linux-image-amd64,linux-headers-amd64"
  "debian 13     Debian trixie                      debian-archive-keyring.gpg linux-image-amd64,linux-headers-amd64"
  "ubuntu 24.04  Ubuntu noble,noble-updates         ubuntu-archive-keyring.gpg linux-image-generic,linux-headers-generic"
)

# What runs on the host, besides the libraries that the machine lacks.
vm_programs=(qemu-system-x86 qemu-system-common qemu-system-data seabios busybox-static)

# Sets label, suites, keyring and kernels for this machine.
vm_find_distribution() {
  local id='' version='' row row_id row_version
  # shellcheck source=/dev/null
  { id=$(. /etc/os-release && echo "${ID:-}") && version=$(. /etc/os-release && echo "${VERSION_ID:-}"); } || true
  for row in "${vm_distributions[@]}"; do
    read -r row_id row_version label suites keyring kernels <<<"$row"
    if [[ $id == "$row_id" && $version == "$row_version" ]]; then return 0; fi
  done
  skip "it knows the packages of Debian 12, Debian 13 and Ubuntu 24.04 only"
}

vm_apt_get() { apt-get -q -c "$vm_cache/apt/apt.conf" "$@"; }

# vm_configure_apt MIRROR
vm_configure_apt() {
  local suite
  mkdir -p "$vm_cache"/apt/{state/lists/partial,cache/archives/partial,download}
  : >"$vm_cache/apt/nothing"
  for suite in ${suites//,/ }; do
    echo "deb [arch=amd64 signed-by=/usr/share/keyrings/$keyring] $1 $suite main universe"
  done >"$vm_cache/apt/sources.list"
  if [[ $label == Debian ]]; then sed -i 's/ universe$//' "$vm_cache/apt/sources.list"; fi
  # The hooks of the machine's own apt are for its own packages.
  cat >"$vm_cache/apt/apt.conf" <<END
Dir::State "$vm_cache/apt/state";
Dir::State::status "/var/lib/dpkg/status";
Dir::Cache "$vm_cache/apt/cache";
Dir::Etc::SourceList "$vm_cache/apt/sources.list";
Dir::Etc::SourceParts "/dev/null";
Dir::Etc::Preferences "/dev/null";
Dir::Etc::PreferencesParts "/dev/null";
APT::Default-Release "${suites##*,}";
APT::Install-Recommends "false";
APT::Sandbox::User "";
Acquire::Languages "none";
Acquire::Retries "3";
Acquire::http::Timeout "30";
Debug::NoLocking "true";
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear DPkg::Post-Invoke;
END
}

# The packages of the newest kernel, without the compiler and the boot tools they depend on: found on a
# machine that has nothing installed.
vm_kernel_packages() {
  # shellcheck disable=SC2086  # a list
  vm_apt_get -o Dir::State::status="$vm_cache/apt/nothing" --simulate install ${kernels//,/ } |
    awk '/^Inst linux-(image|modules|modules-extra|headers|kbuild|binary)-.*[0-9]/ { print $2 }' |
    grep -E '^linux-[a-z-]+-[0-9]'
}

vm_download() {
  local packages
  vm_apt_get update -o APT::Update::Error-Mode=any || return 1
  packages=$(vm_kernel_packages) || return 1
  rm -f "$vm_cache"/apt/download/* "$vm_cache"/apt/cache/archives/*.deb
  # shellcheck disable=SC2086  # a list
  (cd "$vm_cache/apt/download" && vm_apt_get download $packages "${vm_programs[@]}") || return 1
  # Only what this machine lacks; the programs themselves come again, which does no harm.
  vm_apt_get install --yes --download-only --no-remove qemu-system-x86
}

# The tree is moved into place when it is whole.
vm_unpack() {
  local package fresh=$vm_tree.partial
  rm -rf "${fresh:?}"
  mkdir -p "$fresh"
  for package in "$vm_cache"/apt/download/*.deb "$vm_cache"/apt/cache/archives/*.deb; do
    if [[ -f $package ]]; then dpkg-deb --extract "$package" "$fresh" || return 1; fi
  done
  vm_mend_headers "$fresh" || return 1
  touch "$fresh/complete"
  rm -rf "${vm_tree:?}"
  mv "$fresh" "$vm_tree"
  # Lists and packages are fetched again with the next tree.
  rm -rf "${vm_cache:?}/apt"
}

# Debian's headers for one flavour include those for all of them by their installed place.
vm_mend_headers() {
  local file
  for file in "$1"/usr/src/linux-headers-*/Makefile; do
    if [[ -f $file && ! -L $file ]]; then
      sed -i "s|^include /usr/src/|include $vm_tree/usr/src/|" "$file" || return 1
    fi
  done
}

vm_fetch() {
  local label suites keyring kernels mirror
  have apt-get || skip "there is no apt"
  [[ $(dpkg --print-architecture) == amd64 ]] || skip "the virtual machine is an amd64 one"
  vm_find_distribution
  [[ -r /usr/share/keyrings/$keyring ]] || skip "no keys of the archive (/usr/share/keyrings/$keyring)"
  mirror=$(find_mirror "$label")
  [[ -n $mirror ]] || skip "this machine's apt knows no $label archive (set NETOBS_DEBIAN_MIRROR)"
  say "fetching QEMU and a kernel (about 150 MB, once) into $vm_cache"
  vm_configure_apt "$mirror"
  if ! logged vm-download vm_download || ! logged vm-unpack vm_unpack; then
    tail -n 5 "$netobs_logs"/vm-{download,unpack}.log 2>/dev/null | sed 's/^/    | /' >&2
    skip "QEMU and a kernel could not be fetched; logs: $netobs_logs/vm-*.log"
  fi
}

vm_qemu_version() { LD_LIBRARY_PATH=$vm_libraries "$vm_tree/usr/bin/qemu-system-x86_64" --version; }

# Sets vm_release and vm_modules_dir. The libraries may have changed since the tree was made: then it is made again.
vm_prepare_packages() {
  if [[ ! -e $vm_tree/complete ]] || ! vm_qemu_version >/dev/null 2>&1; then vm_fetch; fi
  vm_qemu_version >/dev/null 2>&1 || die "QEMU does not start: $(vm_qemu_version 2>&1 | head -n 1)" \
    "tools/vm --clean fetches it again."
  vm_release=$(find "$vm_tree/boot" -name 'vmlinuz-*' -printf '%f\n' | sort -V | tail -n 1)
  vm_release=${vm_release#vmlinuz-}
  [[ -n $vm_release ]] || die "no kernel in $vm_tree/boot" "tools/vm --clean fetches it again."
  # Packages of Debian 13 and Ubuntu have them where they are at last, those of Debian 12 before /lib was merged.
  vm_modules_dir=$vm_tree/usr/lib/modules/$vm_release
  if [[ ! -d $vm_modules_dir ]]; then vm_modules_dir=$vm_tree/lib/modules/$vm_release; fi
}
