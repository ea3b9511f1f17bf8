"""AF_XDP between two NICs with clocks: first the transport by itself, then netobs on top of it."""

import os
import subprocess
import sys
import unittest

import contract
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


class Netobs(unittest.TestCase):
    def run_over(self, mode, reflector=("--transport", "af_xdp")):
        """The document of a run; the reflector in the same mode."""
        with hosts.reflector(*reflector, "--xdp-mode", mode):
            document = hosts.rtt(B4, *RUN, "--xdp-mode", mode)
        contract.check_contract(document, sent=COUNT)
        self.assertEqual(document["probes"]["received"], COUNT)
        return document

    def points(self, document, side="sender"):
        """{point: (requested, captured, missing)} of the NIC's two."""
        rows = contract.points(document, side)
        return {name: (rows[name]["requested"], rows[name]["captured"], rows[name]["missing"])
                for name in ("tx_hardware", "rx_hardware")}

    def test_zero_copy_has_both(self):
        document = self.run_over("zero-copy")
        self.assertIn("zero-copy", document["environment"]["transport"])
        for side in ("sender", "reflector"):
            with self.subTest(side):
                self.assertEqual(self.points(document, side),
                                 {"tx_hardware": (COUNT, COUNT, {}), "rx_hardware": (COUNT, COUNT, {})})

    def test_it_is_what_auto_finds(self):
        self.assertIn("zero-copy", self.run_over("auto")["environment"]["transport"])

    def test_copy_mode_has_receive_times_only(self):
        """And does not take the kernel's time of the completion for the NIC's."""
        document = self.run_over("copy")
        self.assertIn("no NIC transmit times: in zero-copy mode only", document["environment"]["transport"])
        self.assertEqual(self.points(document), {"tx_hardware": (0, 0, {}), "rx_hardware": (COUNT, COUNT, {})})

    def test_skb_mode_has_none(self):
        document = self.run_over("skb")
        self.assertEqual(self.points(document), {"tx_hardware": (0, 0, {}), "rx_hardware": (0, 0, {})})

    def test_times_that_the_nic_drops_are_lost_by_the_kernel(self):
        Faults(self, tx_drop_every=(10, 0), rx_drop_every=(8, 0))
        points = self.points(self.run_over("zero-copy"))
        # Which of the frames it is depends on what went before.
        for name, every in (("tx_hardware", 10), ("rx_hardware", 8)):
            requested, captured, missing = points[name]
            self.assertEqual((requested, list(missing)), (COUNT, ["lost_by_kernel"]), name)
            self.assertAlmostEqual(captured, COUNT - COUNT // every, delta=1, msg=name)

    def test_the_xdp_reflector_answers_in_the_driver(self):
        document = self.run_over("copy", ("--mode", "xdp"))
        self.assertIn("XDP program", document["environment"]["reflector"])
        self.assertEqual(self.points(document)["rx_hardware"], (COUNT, COUNT, {}))


if __name__ == "__main__":
    machine.main()
