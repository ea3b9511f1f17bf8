"""The igb driver on an emulated 82576: it refuses to stamp every frame, widens PTP filters, and has one register for
transmit stamps, so of a burst some go without. The emulation stamps no UDP frame that arrives."""

import errno

import machine
import stamps
from machine import Burst, NicTest
from measured import COUNT, ONE_BY_ONE, MeasuredTest

OFF = (stamps.TX_OFF, stamps.FILTER_NONE)


class Driver(NicTest):
    """What the driver does by itself."""

    def tearDown(self):
        for host in "ab":
            self.hosts.set_config(host, stamps.TX_OFF, stamps.FILTER_NONE)

    def stamp(self, host):
        return self.hosts.set_config(host, stamps.TX_ON, stamps.FILTER_V2_L4_EVENT)

    def test_every_frame_is_refused(self):
        before = self.hosts.get_config("b")
        with self.assertRaises(stamps.Refused) as raised:
            self.hosts.set_config("b", stamps.TX_ON, stamps.FILTER_ALL)
        self.assertEqual(raised.exception.errno, errno.ERANGE)
        self.assertEqual(self.hosts.get_config("b"), before)

    def test_a_ptp_filter_is_widened(self):
        self.assertEqual(self.stamp("b"), (stamps.TX_ON, stamps.FILTER_V2_EVENT))
        self.assertEqual(self.hosts.get_config("b"), (stamps.TX_ON, stamps.FILTER_V2_EVENT))

    def test_single_frames_are_stamped(self):
        self.stamp("a")
        for number in range(5):
            self.assertEqual(list(Burst(self.hosts, 1, quiet_s=10).tx_hardware), [0], f"frame {number}")

    def test_of_a_burst_the_rest_is_counted(self):
        self.stamp("a")
        for _ in range(20):
            without = self.burst_without_stamps()
            if without:
                return
        self.fail("no frame of 20 bursts went without a stamp")

    def burst_without_stamps(self):
        before = self.hosts.statistics("a")
        burst = Burst(self.hosts, 100, quiet_s=5)
        after = self.hosts.statistics("a")
        without = sum(after[name] - before[name] for name in ("tx_hwtstamp_skipped", "tx_hwtstamp_timeouts"))
        print(f"{len(burst.tx_hardware)} of 100 frames of a burst were stamped, {without} were skipped")
        self.assertEqual(len(burst.received), 100)
        self.assertEqual(sum(1 for stamp in burst.sent.values() if stamp.software), 100)
        self.assertEqual(len(burst.tx_hardware) + without, 100)
        return without

    def test_no_udp_frame_is_stamped_on_arrival(self):
        self.stamp("b")
        for port, payload in ((0, bytes(64)), (stamps.EVENT_PORT, stamps.EVENT_PAYLOAD)):
            burst = Burst(self.hosts, 5, port, payload, quiet_s=1)
            self.assertEqual((len(burst.received), burst.rx_hardware), (5, []))

    def test_the_clock_can_be_read_between_two_of_the_host(self):
        with self.hosts.phc("a") as clock:
            looks = [stamps.look_extended(clock) for _ in range(2)]
            self.assertGreater(looks[1].phc, looks[0].phc)
            with self.assertRaises(OSError) as raised:
                stamps.look_precise(clock)
        self.assertEqual(raised.exception.errno, errno.EOPNOTSUPP)


class Netobs(MeasuredTest):
    """What netobs makes of it."""

    def tearDown(self):
        self.assertEqual(self.both_configs(), (OFF, OFF))

    def check_no_receive_stamps(self, document):
        for host in ("sender", "reflector"):
            row = self.row(document, host, "rx_hardware")
            self.assertNotEqual(row["status"], "on", row)
            self.assertEqual(row["requested"], 0)

    def test_probe_after_probe_the_transmit_stamps_come(self):
        document = self.measure(*ONE_BY_ONE, "--layers", "auto")
        self.check_no_receive_stamps(document)
        for host in ("sender", "reflector"):
            row = self.row(document, host, "tx_hardware")
            # It tries for more than one at a time now and then, and then some are skipped. Of the reflector's
            # NIC the sender learns only that they did not come.
            self.assertEqual(row["status"], "on", row)
            self.assertIn(list(row["missing"]), ([], ["skipped_by_nic" if host == "sender" else "lost_by_kernel"]), row)
            self.assertGreaterEqual(row["coverage"], 0.9, row)
        clock = document["nic_clocks"]["sender"]
        self.assertEqual((clock["converted"], clock["method"]), (True, "PTP_SYS_OFFSET_EXTENDED"))

    def test_what_a_burst_does_not_get_is_skipped_by_the_nic(self):
        with self.changes("a", "tx_hwtstamp_skipped", "tx_hwtstamp_timeouts") as grown:
            document = self.measure("--rate", "50kpps", "--count", str(COUNT), "--timeout", "5s", "--wait", "block",
                                    "--layers", "auto", "--nic-sample", "1")
        row = self.row(document, "sender", "tx_hardware")
        skipped = row["missing"].get("skipped_by_nic", 0)
        print(f"igb: {row['captured']} of {row['requested']} stamps, missing {row['missing']}, counters {grown}")
        self.assertEqual(row["missing"], {"skipped_by_nic": skipped})
        self.assertGreater(skipped, 0)
        self.assertLessEqual(skipped, sum(grown.values()))
        self.assertGreater(row["captured"], 0)

    def test_by_name_it_is_refused_with_the_reason(self):
        refused = self.measure(*ONE_BY_ONE, "--layers", "nic", status=5)
        self.assertIn("rx_hardware", refused.err)


if __name__ == "__main__":
    machine.main(("eth0", "eth1"))
