"""AF_XDP between two NICs with clocks: first the transport by itself, then netobs on top of it."""

import os
import subprocess
import sys
import unittest

import lab
import machine
import stamps
from lab import B4
from machine import Faults

OFFSETS, DRIFTS = (5_000_000, -7_000_000_000), (10_000, -20_000)
COUNT = 200
RUN = ["--count", str(COUNT), "--interval", "2ms", "--transport", "af_xdp"]
TRANSPORT_TEST = os.path.join(os.path.dirname(os.environ["NETOBS"]), "tests/vm/af_xdp/vm_af_xdp")


def setUpModule():
    global hosts  # pylint: disable=global-statement
    machine.HwtsimClocks(OFFSETS, DRIFTS)
    hosts = machine.NicLab(("hwts0", "hwts1"))
    unittest.addModuleCleanup(hosts.tear_down)
    hosts.set_up()
    for host in "ab":
        hosts.set_config(host, stamps.TX_ON, stamps.FILTER_ALL)


class Transport(unittest.TestCase):
    def test_nic_times(self):
        """tests/vm/af_xdp: every test must have run."""
        environment = dict(os.environ, NETOBS_VM_A=hosts.a, NETOBS_VM_B=hosts.b,
                           NETOBS_VM_A_AHEAD_NS=str(OFFSETS[0]), NETOBS_VM_B_AHEAD_NS=str(OFFSETS[1]))
        done = subprocess.run([TRANSPORT_TEST], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, check=False)
        sys.stderr.write(done.stdout)
        self.assertEqual(done.returncode, 0)
        self.assertNotIn("SKIPPED", done.stdout)


if __name__ == "__main__":
    machine.main()
