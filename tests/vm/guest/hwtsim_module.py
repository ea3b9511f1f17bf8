"""tests/vm/hwtsim by itself: it does what its parameters say. Without this, a test of netobs could pass for the wrong
reason."""

import errno
import time

import stamps
from machine import Burst, Faults, NicTest

COUNT = 60


class Module(NicTest):
    def setUp(self):
        for host in "ab":
            self.assertEqual(self.hosts.set_config(host, stamps.TX_ON, stamps.FILTER_ALL),
                             (stamps.TX_ON, stamps.FILTER_ALL))
            self.addCleanup(self.hosts.set_config, host, stamps.TX_OFF, stamps.FILTER_NONE)

    def delta(self, host, before, name):
        return self.hosts.statistics(host)[name] - before[name]

    def test_every_frame_is_stamped_on_both_sides(self):
        a, b = self.hosts.statistics("a"), self.hosts.statistics("b")
        burst = Burst(self.hosts, COUNT)
        self.assertEqual(sorted(burst.tx_hardware), list(range(COUNT)))
        self.assertEqual(len(burst.rx_hardware), COUNT)
        self.assertEqual(self.delta("a", a, "tx_hwtstamp_delivered"), COUNT)
        self.assertEqual(self.delta("b", b, "rx_hwtstamp_delivered"), COUNT)
        self.assertEqual(list(burst.tx_hardware.values()), sorted(burst.tx_hardware.values()))

    def test_nothing_is_stamped_when_switched_off(self):
        self.hosts.set_config("a", stamps.TX_OFF, stamps.FILTER_NONE)
        self.hosts.set_config("b", stamps.TX_OFF, stamps.FILTER_NONE)
        burst = Burst(self.hosts, 5)
        self.assertEqual((burst.tx_hardware, burst.rx_hardware), ({}, []))
        self.assertEqual(len(burst.received), 5)
        self.assertTrue(all(stamp.software for stamp in burst.sent.values()))

    def test_clocks_have_their_offset_and_drift(self):
        for host, look in (("a", stamps.look_precise), ("b", stamps.look_extended), ("b", stamps.look_basic)):
            with self.subTest(host=host, look=look.__name__), self.hosts.phc(host) as clock:
                low, slack = self.clocks.expect(host)
                seen = look(clock)
                high, _ = self.clocks.expect(host)
                low, high = min(low, high), max(low, high)
                # The host's own two clocks differ by the rounding of their rates.
                slack += seen.half_width + 200
                self.assertTrue(low - slack <= seen.phc - seen.host <= high + slack,
                                f"{seen.phc - seen.host} is not in {low}..{high} by {slack}")

    def test_cross_timestamps_are_as_asked_for(self):
        with self.hosts.phc("b") as clock, self.assertRaises(OSError) as raised:
            stamps.look_precise(clock)
        self.assertEqual(raised.exception.errno, errno.EOPNOTSUPP)

    def test_stamps_are_by_the_clocks(self):
        begin = time.time_ns()
        burst = Burst(self.hosts, 5)
        end = time.time_ns()
        for host, times in (("a", burst.tx_hardware.values()), ("b", burst.rx_hardware)):
            offset, _ = self.clocks.expect(host)
            self.assertEqual(len(times), 5)
            for stamp in times:
                self.assertTrue(begin <= stamp - offset <= end, f"{stamp} - {offset} is not in {begin}..{end}")

    def test_stepping_a_clock(self):
        with self.hosts.phc("a") as clock:
            before = stamps.look_precise(clock)
            Faults(self, offset_ns=(self.clocks.offsets[0] + 3_000_000, self.clocks.offsets[1]))
            after = stamps.look_precise(clock)
        step = (after.phc - after.host) - (before.phc - before.host)
        self.assertLess(abs(step - 3_000_000), 100_000)

    def test_dropped_stamps(self):
        a, b = self.hosts.statistics("a"), self.hosts.statistics("b")
        Faults(self, tx_drop_every=(10, 0), rx_drop_every=(0, 20))
        burst = Burst(self.hosts, COUNT, quiet_s=1)
        self.assertEqual(len(burst.tx_hardware), COUNT - COUNT // 10)
        self.assertEqual(len(burst.rx_hardware), COUNT - COUNT // 20)
        self.assertEqual(self.delta("a", a, "tx_hwtstamp_dropped"), COUNT // 10)
        self.assertEqual(self.delta("b", b, "rx_hwtstamp_dropped"), COUNT // 20)

    def test_late_stamps(self):
        Faults(self, tx_delay_us=(50_000, 0))
        burst = Burst(self.hosts, 10)
        self.assertEqual(len(burst.tx_hardware), 10)

    def test_few_outstanding_stamps(self):
        a = self.hosts.statistics("a")
        Faults(self, tx_delay_us=(400_000, 0), tx_outstanding=(2, 0))
        burst = Burst(self.hosts, 20)
        skipped = self.delta("a", a, "tx_hwtstamp_skipped")
        self.assertEqual(len(burst.tx_hardware) + skipped, 20)
        self.assertGreater(skipped, 0)
        self.assertGreaterEqual(len(burst.tx_hardware), 2)

    def test_false_stamps(self):
        for lie, what in ((1, "zero"), (2, "stale"), (3, "future")):
            with self.subTest(what):
                Faults(self, tx_lie=(lie, 0), rx_lie=(0, lie), lie_every=(5, 5))
                burst = Burst(self.hosts, 21, quiet_s=1)
                self.check_false(lie, [burst.tx_hardware.get(n, 0) for n in range(21)])
                self.check_false(lie, [stamp.hardware for stamp in burst.received])
                self.doCleanups()
                self.setUp()

    def check_false(self, lie, times):
        """Of the last 20 of 21: what is stale is like the one before it."""
        self.assertEqual(len(times), 21)
        zero = sum(1 for t in times[1:] if t == 0)
        stale = sum(1 for before, t in zip(times, times[1:]) if t == before != 0)
        future = sum(1 for t in times[1:] if t > min(filter(None, times)) + 500 * 10**9)
        self.assertEqual({1: zero, 2: stale, 3: future}[lie], 4)
        self.assertEqual(zero + stale + future, 4)

    def test_filters(self):
        none, every, event = stamps.FILTER_NONE, stamps.FILTER_ALL, stamps.FILTER_V2_L4_EVENT
        for mode, asked, expected in ((0, every, every), (0, event, every), (1, every, None), (1, event, every),
                                      (2, every, None), (2, event, event), (3, every, None), (3, event, None),
                                      (3, none, none), (4, every, every), (4, event, event)):
            with self.subTest(mode=mode, asked=asked):
                Faults(self, filter=(mode, 0))
                if expected is None:
                    with self.assertRaises(stamps.Refused) as raised:
                        self.hosts.set_config("a", stamps.TX_ON, asked)
                    self.assertEqual(raised.exception.errno, errno.ERANGE)
                else:
                    self.assertEqual(self.hosts.set_config("a", stamps.TX_ON, asked), (stamps.TX_ON, expected))
                    self.assertEqual(self.hosts.get_config("a"), (stamps.TX_ON, expected))

    def test_only_ptp_events(self):
        Faults(self, filter=(0, 2))
        self.hosts.set_config("b", stamps.TX_ON, stamps.FILTER_V2_L4_EVENT)
        self.assertEqual(Burst(self.hosts, 5).rx_hardware, [])
        self.assertEqual(Burst(self.hosts, 5, port=stamps.EVENT_PORT).rx_hardware, [], "no PTP version 2")
        burst = Burst(self.hosts, 5, port=stamps.EVENT_PORT, payload=stamps.EVENT_PAYLOAD)
        self.assertEqual(len(burst.rx_hardware), 5)

    def test_lost_frames(self):
        Faults(self, lose_every=(4, 0))
        self.assertEqual(len(Burst(self.hosts, 20, quiet_s=1).received), 15)

    def test_settings_are_counted(self):
        before = self.hosts.statistics("a")
        self.hosts.get_config("a")
        self.hosts.set_config("a", stamps.TX_ON, stamps.FILTER_ALL)
        self.assertEqual(self.delta("a", before, "hwtstamp_config_get"), 1)
        self.assertEqual(self.delta("a", before, "hwtstamp_config_set"), 1)
