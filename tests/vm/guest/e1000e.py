"""The e1000e driver on an emulated 82574: it accepts every setting and delivers nothing. It is the NIC that lies."""

import unittest

import machine
import stamps
from machine import Burst

COUNT = 10


def setUpModule():
    global hosts  # pylint: disable=global-statement
    hosts = machine.NicLab(("eth0", "eth1"))
    unittest.addModuleCleanup(hosts.tear_down)
    hosts.set_up()


class Driver(unittest.TestCase):
    """What the driver does by itself."""

    def test_it_accepts_and_delivers_nothing(self):
        for host in "ab":
            self.addCleanup(hosts.set_config, host, stamps.TX_OFF, stamps.FILTER_NONE)
            self.assertEqual(hosts.set_config(host, stamps.TX_ON, stamps.FILTER_ALL),
                             (stamps.TX_ON, stamps.FILTER_ALL))
            self.assertEqual(hosts.get_config(host), (stamps.TX_ON, stamps.FILTER_ALL))
        before = hosts.statistics("a")
        burst = Burst(hosts, COUNT)
        after = hosts.statistics("a")
        self.assertEqual(len(burst.received), COUNT)
        self.assertEqual((burst.tx_hardware, burst.rx_hardware), ({}, []))
        self.assertEqual(sum(1 for stamp in burst.sent.values() if stamp.software), COUNT)
        without = sum(after[name] - before[name] for name in ("tx_hwtstamp_skipped", "tx_hwtstamp_timeouts"))
        self.assertEqual(without, COUNT)


if __name__ == "__main__":
    machine.main()
