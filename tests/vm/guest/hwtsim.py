"""tests/vm/hwtsim: first that the module does what its parameters say, then that netobs finds it out."""

import errno
import time
import unittest

import lab
import machine
import stamps
from machine import Burst, Faults

OFFSETS, DRIFTS = (5_000_000, -7_000_000_000), (10_000, -20_000)
COUNT = 60


def setUpModule():
    global clocks, hosts  # pylint: disable=global-statement
    clocks = machine.HwtsimClocks(OFFSETS, DRIFTS, cross=(2, 1))
    hosts = machine.NicLab(("hwts0", "hwts1"))
    unittest.addModuleCleanup(hosts.tear_down)
    hosts.set_up()


class Module(unittest.TestCase):
    """The module by itself. Without this, a test of netobs could pass for the wrong reason."""

    def setUp(self):
        for host in "ab":
            self.assertEqual(hosts.set_config(host, stamps.TX_ON, stamps.FILTER_ALL),
                             (stamps.TX_ON, stamps.FILTER_ALL))
            self.addCleanup(hosts.set_config, host, stamps.TX_OFF, stamps.FILTER_NONE)

    def delta(self, host, before, name):
        return hosts.statistics(host)[name] - before[name]

    def test_every_frame_is_stamped_on_both_sides(self):
        a, b = hosts.statistics("a"), hosts.statistics("b")
        burst = Burst(hosts, COUNT)
        self.assertEqual(sorted(burst.tx_hardware), list(range(COUNT)))
        self.assertEqual(len(burst.rx_hardware), COUNT)
        self.assertEqual(self.delta("a", a, "tx_hwtstamp_delivered"), COUNT)
        self.assertEqual(self.delta("b", b, "rx_hwtstamp_delivered"), COUNT)
        self.assertEqual(list(burst.tx_hardware.values()), sorted(burst.tx_hardware.values()))

    def test_nothing_is_stamped_when_switched_off(self):
        hosts.set_config("a", stamps.TX_OFF, stamps.FILTER_NONE)
        hosts.set_config("b", stamps.TX_OFF, stamps.FILTER_NONE)
        burst = Burst(hosts, 5)
        self.assertEqual((burst.tx_hardware, burst.rx_hardware), ({}, []))
        self.assertEqual(len(burst.received), 5)
        self.assertTrue(all(stamp.software for stamp in burst.sent.values()))

    def test_clocks_have_their_offset_and_drift(self):
        for host, look in (("a", stamps.look_precise), ("b", stamps.look_extended), ("b", stamps.look_basic)):
            with self.subTest(host=host, look=look.__name__), hosts.phc(host) as clock:
                low, slack = clocks.expect(host)
                seen = look(clock)
                high, _ = clocks.expect(host)
                low, high = min(low, high), max(low, high)
                # The host's own two clocks differ by the rounding of their rates.
                slack += seen.half_width + 200
                self.assertTrue(low - slack <= seen.phc - seen.host <= high + slack,
                                f"{seen.phc - seen.host} is not in {low}..{high} by {slack}")

    def test_cross_timestamps_are_as_asked_for(self):
        with hosts.phc("b") as clock, self.assertRaises(OSError) as raised:
            stamps.look_precise(clock)
        self.assertEqual(raised.exception.errno, errno.EOPNOTSUPP)

    def test_stamps_are_by_the_clocks(self):
        burst = Burst(hosts, 5)
        for stamp in burst.sent.values():
            self.assertLess(abs(stamp.hardware - stamp.software - clocks.expect("a")[0]), 10**9)
        for stamp in burst.received:
            self.assertLess(abs(stamp.hardware - stamp.software - clocks.expect("b")[0]), 10**9)

    def test_stepping_a_clock(self):
        with hosts.phc("a") as clock:
            before = stamps.look_precise(clock)
            Faults(self, offset_ns=(OFFSETS[0] + 3_000_000, OFFSETS[1]))
            after = stamps.look_precise(clock)
        step = (after.phc - after.host) - (before.phc - before.host)
        self.assertLess(abs(step - 3_000_000), 100_000)

    def test_dropped_stamps(self):
        a, b = hosts.statistics("a"), hosts.statistics("b")
        Faults(self, tx_drop_every=(10, 0), rx_drop_every=(0, 20))
        burst = Burst(hosts, COUNT, quiet_s=1)
        self.assertEqual(len(burst.tx_hardware), COUNT - COUNT // 10)
        self.assertEqual(len(burst.rx_hardware), COUNT - COUNT // 20)
        self.assertEqual(self.delta("a", a, "tx_hwtstamp_dropped"), COUNT // 10)
        self.assertEqual(self.delta("b", b, "rx_hwtstamp_dropped"), COUNT // 20)

    def test_late_stamps(self):
        Faults(self, tx_delay_us=(50_000, 0))
        burst = Burst(hosts, 10)
        self.assertEqual(len(burst.tx_hardware), 10)

    def test_few_outstanding_stamps(self):
        a = hosts.statistics("a")
        Faults(self, tx_delay_us=(400_000, 0), tx_outstanding=(2, 0))
        burst = Burst(hosts, 20)
        skipped = self.delta("a", a, "tx_hwtstamp_skipped")
        self.assertEqual(len(burst.tx_hardware) + skipped, 20)
        self.assertGreater(skipped, 0)
        self.assertGreaterEqual(len(burst.tx_hardware), 2)

    def test_false_stamps(self):
        for lie, what in ((1, "zero"), (2, "stale"), (3, "future")):
            with self.subTest(what):
                Faults(self, tx_lie=(lie, 0), rx_lie=(0, lie), lie_every=(5, 5))
                burst = Burst(hosts, 20, quiet_s=1)
                self.check_false(lie, [burst.tx_hardware.get(n, 0) for n in range(20)])
                self.check_false(lie, [stamp.hardware for stamp in burst.received])
                self.doCleanups()
                self.setUp()

    def check_false(self, lie, times):
        self.assertEqual(len(times), 20)
        zero = sum(1 for t in times if t == 0)
        stale = sum(1 for before, t in zip(times, times[1:]) if t == before != 0)
        future = sum(1 for t in times if t > min(filter(None, times)) + 500 * 10**9)
        self.assertEqual({1: zero, 2: stale, 3: future}[lie], 4)
        self.assertEqual(zero + stale + future, 4)

    def test_filters(self):
        none, every, event = stamps.FILTER_NONE, stamps.FILTER_ALL, stamps.FILTER_V2_L4_EVENT
        for mode, asked, expected in ((0, every, every), (0, event, every), (1, every, None), (1, event, every),
                                      (2, every, None), (2, event, event), (3, every, None), (3, event, None),
                                      (3, none, none)):
            with self.subTest(mode=mode, asked=asked):
                Faults(self, filter=(mode, 0))
                if expected is None:
                    with self.assertRaises(stamps.Refused) as raised:
                        hosts.set_config("a", stamps.TX_ON, asked)
                    self.assertEqual(raised.exception.errno, errno.ERANGE)
                else:
                    self.assertEqual(hosts.set_config("a", stamps.TX_ON, asked), (stamps.TX_ON, expected))
                    self.assertEqual(hosts.get_config("a"), (stamps.TX_ON, expected))

    def test_only_ptp_events(self):
        Faults(self, filter=(0, 2))
        hosts.set_config("b", stamps.TX_ON, stamps.FILTER_V2_L4_EVENT)
        self.assertEqual(Burst(hosts, 5).rx_hardware, [])
        self.assertEqual(Burst(hosts, 5, port=stamps.EVENT_PORT).rx_hardware, [], "no PTP version 2")
        burst = Burst(hosts, 5, port=stamps.EVENT_PORT, payload=stamps.EVENT_PAYLOAD)
        self.assertEqual(len(burst.rx_hardware), 5)

    def test_lost_frames(self):
        Faults(self, lose_every=(4, 0))
        self.assertEqual(len(Burst(hosts, 20, quiet_s=1).received), 15)

    def test_settings_are_counted(self):
        before = hosts.statistics("a")
        hosts.get_config("a")
        hosts.set_config("a", stamps.TX_ON, stamps.FILTER_ALL)
        self.assertEqual(self.delta("a", before, "hwtstamp_config_get"), 1)
        self.assertEqual(self.delta("a", before, "hwtstamp_config_set"), 1)


if __name__ == "__main__":
    machine.main()
