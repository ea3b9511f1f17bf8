"""The igb driver on an emulated 82576: it refuses to stamp every frame, widens PTP filters, and has one register for
transmit stamps, so of a burst some go without. The emulation stamps no UDP frame that arrives."""

import errno
import unittest

import lab
import machine
import stamps
from machine import Burst


def setUpModule():
    global hosts  # pylint: disable=global-statement
    hosts = machine.NicLab(("eth0", "eth1"))
    unittest.addModuleCleanup(hosts.tear_down)
    hosts.set_up()


class Driver(unittest.TestCase):
    """What the driver does by itself."""

    def tearDown(self):
        for host in "ab":
            hosts.set_config(host, stamps.TX_OFF, stamps.FILTER_NONE)

    def stamp(self, host):
        return hosts.set_config(host, stamps.TX_ON, stamps.FILTER_V2_L4_EVENT)

    def test_every_frame_is_refused(self):
        before = hosts.get_config("b")
        with self.assertRaises(stamps.Refused) as raised:
            hosts.set_config("b", stamps.TX_ON, stamps.FILTER_ALL)
        self.assertEqual(raised.exception.errno, errno.ERANGE)
        self.assertEqual(hosts.get_config("b"), before)

    def test_a_ptp_filter_is_widened(self):
        self.assertEqual(self.stamp("b"), (stamps.TX_ON, stamps.FILTER_V2_EVENT))
        self.assertEqual(hosts.get_config("b"), (stamps.TX_ON, stamps.FILTER_V2_EVENT))

    def test_single_frames_are_stamped(self):
        self.stamp("a")
        for number in range(5):
            self.assertEqual(list(Burst(hosts, 1, quiet_s=10).tx_hardware), [0], f"frame {number}")

    def test_of_a_burst_the_rest_is_counted(self):
        self.stamp("a")
        before = hosts.statistics("a")
        burst = Burst(hosts, 100, quiet_s=5)
        after = hosts.statistics("a")
        without = sum(after[name] - before[name] for name in ("tx_hwtstamp_skipped", "tx_hwtstamp_timeouts"))
        print(f"{len(burst.tx_hardware)} of 100 frames of a burst were stamped, {without} were skipped")
        self.assertEqual(len(burst.received), 100)
        self.assertEqual(sum(1 for stamp in burst.sent.values() if stamp.software), 100)
        self.assertEqual(len(burst.tx_hardware) + without, 100)
        self.assertGreater(without, 0)

    def test_no_udp_frame_is_stamped_on_arrival(self):
        self.stamp("b")
        self.assertEqual(Burst(hosts, 5).rx_hardware, [])
        self.assertEqual(Burst(hosts, 5, port=stamps.EVENT_PORT, payload=stamps.EVENT_PAYLOAD).rx_hardware, [])

    def test_the_clock_can_be_read_between_two_of_the_host(self):
        with hosts.phc("a") as clock:
            looks = [stamps.look_extended(clock) for _ in range(2)]
            self.assertGreater(looks[1].phc, looks[0].phc)
            with self.assertRaises(OSError) as raised:
                stamps.look_precise(clock)
        self.assertEqual(raised.exception.errno, errno.EOPNOTSUPP)


if __name__ == "__main__":
    machine.main()
