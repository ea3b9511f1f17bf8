"""The e1000e driver on an emulated 82574: it accepts every setting and delivers nothing. It is the NIC that lies."""

import lab
import machine
import stamps
from machine import Burst, NicTest
from measured import COUNT as PROBES, ONE_BY_ONE, MeasuredTest

OFF = (stamps.TX_OFF, stamps.FILTER_NONE)

COUNT = 10


class Driver(NicTest):
    """What the driver does by itself."""

    def test_it_accepts_and_delivers_nothing(self):
        for host in "ab":
            self.addCleanup(self.hosts.set_config, host, stamps.TX_OFF, stamps.FILTER_NONE)
            self.assertEqual(self.hosts.set_config(host, stamps.TX_ON, stamps.FILTER_ALL),
                             (stamps.TX_ON, stamps.FILTER_ALL))
            self.assertEqual(self.hosts.get_config(host), (stamps.TX_ON, stamps.FILTER_ALL))
        before = self.hosts.statistics("a")
        burst = Burst(self.hosts, COUNT)
        after = self.hosts.statistics("a")
        self.assertEqual(len(burst.received), COUNT)
        self.assertEqual((burst.tx_hardware, burst.rx_hardware), ({}, []))
        self.assertEqual(sum(1 for stamp in burst.sent.values() if stamp.software), COUNT)
        without = sum(after[name] - before[name] for name in ("tx_hwtstamp_skipped", "tx_hwtstamp_timeouts"))
        self.assertEqual(without, COUNT)


class Netobs(MeasuredTest):
    """Netobs says so, and measures the rest."""

    def tearDown(self):
        self.assertEqual(self.both_configs(), (OFF, OFF))

    def test_the_rest_is_measured(self):
        document = self.measure(*ONE_BY_ONE, "--layers", "auto")
        for host in ("sender", "reflector"):
            for point in ("tx_hardware", "rx_hardware"):
                row = self.row(document, host, point)
                self.assertNotEqual(row["status"], "on", row)
                self.assertEqual(row["requested"], 0)
            self.check_point(document, host, "tx_software", PROBES)
        self.assertIsNone(document["rtt_ns"]["nic"])
        self.assertEqual(document["rtt_ns"]["kernel"]["count"], PROBES)

    def test_by_name_it_is_refused_with_the_reason(self):
        refused = self.measure(*ONE_BY_ONE, "--layers", "nic", status=5)
        self.assertIn("delivered none of", refused.err)

    def test_doctor_says_what_lies(self):
        with self.hosts.reflector():
            result = self.hosts.netobs("doctor", lab.B4, namespace=self.hosts.a).expect(0)
        self.assertIn("delivered none of", result.out)


if __name__ == "__main__":
    machine.main(("eth0", "eth1"))
