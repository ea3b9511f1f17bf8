# shellcheck shell=bash
# The virtual machine: scenarios, the test module, the first file system, QEMU. The caller brings common.sh,
# vm_packages.sh, a function skip and the variables tools_dir, scenario, tests, build_dir, limit and mode.
# shellcheck disable=SC2154

# One row per scenario: the name of its program, the NICs of the machine, the modules that are loaded before it
# starts, what for.
vm_scenarios=(
  "hwtsim  none    ptp                    tests/vm/hwtsim: exact counts, clocks of known offset and drift, faults"
  "nic_box none    ptp                    engine/linux/nic by itself on tests/vm/hwtsim: set, share, restore, compare"
  "af_xdp  none    ptp                    AF_XDP with hardware stamps on tests/vm/hwtsim: copied and zero-copy"
  "igb     igb     i2c-algo-bit,dca,igb   the igb driver: filter refused, filter widened, few and late stamps"
  "e1000e  e1000e  e1000e                 the e1000e driver: accepts every setting, delivers nothing"
)
# 9p for the root folder; what netobs asks of the kernel that Debian's kernel has as modules.
vm_boot_modules=(virtio_pci 9pnet_virtio 9p)
vm_network_modules=(af_packet veth sch_ingress cls_bpf sch_fq sch_etf)

vm_list_scenarios() {
  local row name what
  for row in "${vm_scenarios[@]}"; do
    read -r name _ _ what <<<"$row"
    printf '%-8s %s\n' "$name" "$what"
  done
}

# Sets vm_nics and vm_modules.
vm_find_scenario() {
  local row name modules
  for row in "${vm_scenarios[@]}"; do
    read -r name vm_nics modules _ <<<"$row"
    if [[ $name == "$1" ]]; then
      IFS=, read -ra vm_modules <<<"$modules"
      return 0
    fi
  done
  return 1
}

vm_check_tools() {
  local tool
  for tool in gcc make /usr/bin/python3 timeout; do
    have "$tool" || skip "$tool is not installed (tools/setup --for test)"
  done
}

# Out of tree, in the build folder; again when a source or the kernel has changed.
vm_build_module() {
  local sources=$netobs_root/tests/vm/hwtsim place=$build_dir/vm/module headers key
  headers=$vm_tree/usr/src/linux-headers-$vm_release
  vm_hwtsim=$place/hwtsim.ko
  key=$(cat "$sources"/* <(echo "$vm_release") | sha256sum)
  if [[ -e $vm_hwtsim && $(cat "$place/key" 2>/dev/null) == "$key" ]]; then return 0; fi
  rm -rf "${place:?}"
  mkdir -p "$place"
  cp "$sources"/* "$place"
  # The kernel's own type information would need its image and pahole.
  logged vm-module make -C "$headers" M="$place" CONFIG_DEBUG_INFO_BTF_MODULES= modules ||
    logged_failure vm-module "The module in tests/vm/hwtsim does not build against Linux $vm_release."
  echo "$key" >"$place/key"
}

# vm_make_initramfs FOLDER: FOLDER/initramfs with busybox, modules, the first program and the job.
vm_make_initramfs() {
  local tree=$1/initramfs.d busybox
  busybox=$(find "$vm_tree/bin" "$vm_tree/usr/bin" -name busybox -type f 2>/dev/null | head -n 1)
  rm -rf "${tree:?}"
  mkdir -p "$tree/bin"
  cp "$busybox" "$tree/bin/busybox"
  cp "$netobs_root/tests/vm/guest/init" "$tree/init"
  "$tools_dir/lib/vm_modules" "$vm_modules_dir" "$tree/modules" \
    "${vm_boot_modules[@]}" "${vm_network_modules[@]}" "${vm_modules[@]}" || return 1
  cat >"$tree/job" <<END
program='$netobs_root/tests/vm/guest/$scenario.py'
tests='${tests[*]}'
limit='$((limit > 40 ? limit - 20 : limit / 2))'
shell='$([[ $mode == shell ]] && echo yes)'
shown='$netobs_root $build_dir $vm_cache'
environment='NETOBS=$build_dir/netobs NETOBS_VM_HWTSIM=$vm_hwtsim NETOBS_VM_BUSYBOX=$busybox PYTHONPATH=$netobs_root/tests/netns/cli'
END
  (cd "$tree" && find . | "$busybox" cpio -o -H newc 2>/dev/null) >"$1/initramfs" || return 1
  rm -rf "${tree:?}"
}

# Appends to vm_options: two NICs on one hub, each behind a port of its own, as PCI Express asks for.
vm_add_nics() {
  local i
  if [[ $vm_nics == none ]]; then return 0; fi
  for i in 0 1; do
    vm_options+=(-device "pcie-root-port,id=port$i,chassis=$((i + 1)),slot=$((i + 1))"
      -netdev "hubport,id=hub$i,hubid=0" -device "$vm_nics,bus=port$i,netdev=hub$i,romfile=")
  done
}

# vm_add_share TAG FOLDER [OPTION]: appends to vm_options; in a path a comma is written twice.
vm_add_share() {
  vm_options+=(-virtfs "local,path=${2//,/,,},mount_tag=$1,security_model=none,multidevs=remap${3:+,$3}")
}

# vm_boot FOLDER: runs the machine to its end, or to the limit (a shell has none).
vm_boot() {
  local vm_options=(-serial "file:$1/console.log") before=(timeout --foreground --kill-after=10 "$limit")
  if [[ $mode == shell ]]; then vm_options=(-chardev "stdio,id=terminal,signal=off" -serial chardev:terminal) before=(); fi
  vm_add_nics
  vm_add_share host / readonly=on
  vm_add_share results "$1/results"
  "${before[@]}" env LD_LIBRARY_PATH="$vm_libraries" \
    QEMU_MODULE_DIR="$vm_tree/usr/lib/x86_64-linux-gnu/qemu" "$vm_tree/usr/bin/qemu-system-x86_64" \
    -nodefaults -no-user-config -display none -no-reboot -M q35 -accel tcg,thread=multi -cpu max -smp 2 -m 1024 \
    -L "$vm_tree/usr/share/qemu" -L "$vm_tree/usr/share/seabios" -kernel "$vm_tree/boot/vmlinuz-$vm_release" \
    -initrd "$1/initramfs" -append "console=ttyS0 quiet panic=-1 mitigations=off" "${vm_options[@]}"
}

# What the machine said, then one line: how it ended.
vm_report() { # vm_report FOLDER STATUS_OF_QEMU SECONDS_TEXT
  local status
  if [[ -s $1/results/output.log ]]; then cat "$1/results/output.log"; fi
  status=$(cat "$1/results/status" 2>/dev/null || true)
  if [[ ! $status =~ ^[0-9]+$ ]]; then
    tail -q -n 20 "$1/console.log" "$1/qemu.log" 2>/dev/null | tr -d '\r' | cut -c 1-200 | sed 's/^/    | /' >&2
    if (($2 == 124 || $2 == 137)); then die "$scenario: not done after $limit s" "Logs: $1"; fi
    die "$scenario: the machine ended without a verdict (QEMU's status $2)" "Logs: $1"
  fi
  case $status in
    0) say "vm: $scenario passed in $3" ;;
    77) skip "$scenario: $(tail -n 1 "$1/results/output.log")" ;;
    *) die "$scenario failed (status $status)" "Logs: $1" ;;
  esac
}

vm_run() {
  local folder=$build_dir/vm/$scenario start=$SECONDS status=0
  [[ $folder$vm_cache$netobs_root != *[[:space:]\']* ]] || die "a folder's name with blanks or quotes does not work here"
  rm -rf "${folder:?}"
  mkdir -p "$folder/results"
  vm_make_initramfs "$folder" || die "the machine's first file system could not be made"
  if [[ $mode == shell ]]; then
    vm_boot "$folder"
    return
  fi
  # QEMU warns that the hub leads nowhere, which is the point.
  vm_boot "$folder" 2>"$folder/qemu.log" || status=$?
  vm_report "$folder" "$status" "$(elapsed_text "$start")"
}
