"""AF_XDP between two NICs with clocks: first the transport by itself, then netobs on top of it."""

import os
import subprocess
import sys

import machine
import stamps
from machine import Faults
from measured import COUNT, ONE_BY_ONE, MeasuredTest

OFFSETS_NS, DRIFTS_PPB = (5_000_000, -7_000_000_000), (10_000, -20_000)
OFF, ALL = (stamps.TX_OFF, stamps.FILTER_NONE), (stamps.TX_ON, stamps.FILTER_ALL)
TRANSPORT_TEST = os.path.join(os.path.dirname(os.environ["NETOBS"]), "tests/vm/af_xdp/vm_af_xdp")
EVERY_STAMP = ("--nic-sample", "1")


class Transport(machine.NicTest):
    def test_nic_times(self):
        """tests/vm/af_xdp: every test must have run."""
        for host in "ab":
            self.hosts.set_config(host, *ALL)
            self.addCleanup(self.hosts.set_config, host, *OFF)
        environment = dict(os.environ, NETOBS_VM_A=self.hosts.a, NETOBS_VM_B=self.hosts.b,
                           NETOBS_VM_A_AHEAD_NS=str(OFFSETS_NS[0]), NETOBS_VM_B_AHEAD_NS=str(OFFSETS_NS[1]))
        done = subprocess.run([TRANSPORT_TEST], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, check=False)
        sys.stderr.write(done.stdout)
        self.assertEqual(done.returncode, 0)
        self.assertNotIn("SKIPPED", done.stdout)


class Netobs(MeasuredTest):
    def over(self, mode, *args, reflect=("--transport", "af_xdp", *EVERY_STAMP)):
        """The document of a run; the reflector in the same mode."""
        document = self.measure(*ONE_BY_ONE, "--transport", "af_xdp", "--xdp-mode", mode, *(args or EVERY_STAMP),
                                reflect=(*reflect, "--xdp-mode", mode))
        self.assertEqual(document["probes"]["received"], COUNT)
        return document

    def check_missing(self, document, host, point):
        row = self.row(document, host, point)
        self.assertEqual((row["status"], row["requested"]), ("unsupported", 0), f"{host} {point}: {row}")

    def test_zero_copy_is_found_and_has_both(self):
        document = self.over("auto")
        self.assertIn("zero-copy", document["environment"]["transport"])
        for host in ("sender", "reflector"):
            for point in ("tx_hardware", "rx_hardware"):
                self.check_point(document, host, point, COUNT)
            self.assertTrue(document["nic_clocks"][host]["converted"])
        self.assertEqual(document["rtt_ns"]["nic"]["count"], COUNT)
        self.assertEqual(self.both_configs(), (OFF, OFF))

    def test_a_sample_asks_for_no_more(self):
        with self.changes("a", "tx_hwtstamp_delivered", "tx_xsk_packets") as grown:
            document = self.over("zero-copy", "--nic-sample", "1/16")
        row = self.row(document, "sender", "tx_hardware")
        self.assertIn(row["requested"], (COUNT // 16, COUNT // 16 + 1))
        self.assertEqual((row["captured"], row["missing"]), (row["requested"], {}))
        self.check_point(document, "sender", "rx_hardware", COUNT)
        # All of them went out of the rings, and few were stamped.
        self.assertGreaterEqual(grown["tx_xsk_packets"], COUNT)
        self.assertLess(grown["tx_hwtstamp_delivered"], grown["tx_xsk_packets"] - COUNT // 2)

    def test_copy_mode_has_receive_times_only(self):
        """And does not take the kernel's time of the completion for the NIC's."""
        document = self.over("copy")
        self.assertIn("no NIC transmit times: in zero-copy mode only", document["environment"]["transport"])
        for host in ("sender", "reflector"):
            self.check_missing(document, host, "tx_hardware")
            self.check_point(document, host, "rx_hardware", COUNT)

    def test_who_asked_for_them_by_name_is_told_what_is_missing(self):
        refused = self.measure("--transport", "af_xdp", "--xdp-mode", "copy", "--layers", "app,nic", "--count", "10",
                               reflect=("--transport", "syscall"), status=5)
        self.assertIn("tx_hardware cannot be measured at the sender", refused.err)
        self.assertIn("in zero-copy mode only", refused.err)

    def test_skb_mode_has_none(self):
        document = self.over("skb")
        for host in ("sender", "reflector"):
            for point in ("tx_hardware", "rx_hardware"):
                self.check_missing(document, host, point)

    def test_a_nic_that_stamps_nothing_received(self):
        Faults(self, filter=(3, 3))
        document = self.over("zero-copy")
        for host in ("sender", "reflector"):
            self.check_point(document, host, "tx_hardware", COUNT)
            self.check_missing(document, host, "rx_hardware")

    def test_times_that_the_nic_drops_are_lost_by_the_kernel(self):
        Faults(self, tx_drop_every=(10, 0), rx_drop_every=(8, 0))
        document = self.over("zero-copy")
        # Which of the frames it is depends on what went before.
        for point, every in (("tx_hardware", 10), ("rx_hardware", 8)):
            row = self.row(document, "sender", point)
            self.assertEqual((row["requested"], list(row["missing"])), (COUNT, ["lost_by_kernel"]), row)
            self.assertAlmostEqual(row["captured"], COUNT - COUNT // every, delta=1, msg=row)

    def test_the_xdp_reflector_answers_in_the_driver(self):
        document = self.over("copy", reflect=("--mode", "xdp"))
        self.assertIn("XDP program", document["environment"]["reflector"])
        self.check_point(document, "sender", "rx_hardware", COUNT)


if __name__ == "__main__":
    machine.main(("hwts0", "hwts1"), machine.HwtsimClocks(OFFSETS_NS, DRIFTS_PPB))
