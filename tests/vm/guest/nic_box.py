"""tests/vm/nic_box: the box engine/linux/nic by itself, on the NICs of tests/vm/hwtsim."""

import os
import subprocess
import sys

import machine

PROGRAM = os.path.join(os.path.dirname(os.environ["NETOBS"]), "tests/vm/nic_box/vm_nic_box")


def run(offsets, cross, tests):
    machine.HwtsimClocks(offsets, (0, 0), cross)
    for device in ("hwts0", "hwts1"):
        subprocess.run(["ip", "link", "set", device, "up"], check=True)
    status = subprocess.run([PROGRAM, f"--gtest_filter={tests}"], check=False).returncode
    machine.rmmod("hwtsim")
    return status


def main():
    all_tests = run((7_000_000_000, 0), (2, 1), "*")
    clocks_only = run((-3_000_000_000, 5_000_000), (0, 0), "*Clocks*")
    sys.exit(all_tests or clocks_only)


if __name__ == "__main__":
    main()
