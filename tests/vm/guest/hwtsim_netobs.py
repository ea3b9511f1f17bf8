"""netobs on NICs whose truth is known: it finds every stamp, both clocks, and each fault, under its right name."""

import contextlib
import os
import shutil
import socket
import sys

import lab
import machine
import stamps
from measured import COUNT, EVERY_STAMP, ONE_BY_ONE, MeasuredTest, Plain, kill

SOME = (*ONE_BY_ONE, *EVERY_STAMP)
HARDWARE = [(host, point) for host in ("sender", "reflector") for point in ("tx_hardware", "rx_hardware")]
OFF = (stamps.TX_OFF, stamps.FILTER_NONE)
ALL = (stamps.TX_ON, stamps.FILTER_ALL)


class Counts(MeasuredTest):
    def test_every_timestamp_is_there_and_in_order(self):
        document = Plain.once(self).document
        for host, point in HARDWARE:
            self.check_point(document, host, point, COUNT)
        self.assertEqual(document["rtt_ns"]["nic"]["count"], COUNT)
        self.assertEqual(document["probes"]["received"], COUNT)

    def test_io_uring_brings_them_too(self):
        document = self.measure(*SOME, "--transport", "io_uring", reflect=("--nic-sample", "1", "--transport", "io_uring"))
        self.assertIn("io_uring", document["environment"]["transport"])
        for host, point in HARDWARE:
            self.check_point(document, host, point, COUNT)

    def test_a_sample_asks_for_no_more(self):
        document = self.measure(*ONE_BY_ONE, "--layers", "app,kernel,nic", "--nic-sample", "1/16")
        row = self.row(document, "sender", "tx_hardware")
        self.assertEqual((row["captured"], row["missing"]), (row["requested"], {}))
        self.assertIn(row["requested"], (COUNT // 16, COUNT // 16 + 1))
        self.check_point(document, "sender", "rx_hardware", COUNT)

    def test_auto_takes_the_nic_too(self):
        document = self.measure(*ONE_BY_ONE)
        for host, point in HARDWARE:
            row = self.row(document, host, point)
            self.assertEqual((row["status"], row["captured"]), ("on", row["requested"]), f"{host} {point}: {row}")
            self.assertGreater(row["captured"], 0)


class Clocks(MeasuredTest):
    """nic_clocks: CLOCK_REALTIME minus the NIC's clock, the sender's at its last look."""

    def check_clock(self, run, host, method, time_scale):
        clock = run.document["nic_clocks"]["sender"]
        low, high = -run.ahead_ns[1], -run.ahead_ns[0]
        # CLOCK_REALTIME and CLOCK_MONOTONIC_RAW drift apart by the rounding of their rates.
        bound = clock["offset_bound_ns"] + run.slack_ns + 200
        drift = -self.clocks.drift_ppb(host)
        print(f"offset {clock['offset_ns']} +- {clock['offset_bound_ns']} ns, true {low}..{high}; drift "
              f"{clock['drift_ppb']:.1f} +- {clock['drift_bound_ppb']:.1f} ppb, true {drift}")
        self.assertTrue(low - bound <= clock["offset_ns"] <= high + bound, f"{clock}, true {low}..{high}")
        self.assertLessEqual(abs(clock["drift_ppb"] - drift), clock["drift_bound_ppb"] + 1)
        self.assertLess(clock["drift_bound_ppb"], abs(drift))
        self.assertEqual((clock["converted"], clock["method"], clock["time_scale"], clock["steps"]),
                         (True, method, time_scale, 0))
        self.assertEqual(clock["rx_filter"], "all")

    def test_precise(self):
        run = Plain.once(self)
        self.check_clock(run, "a", "PTP_SYS_OFFSET_PRECISE", "UTC")
        self.assertTrue(run.document["nic_clocks"]["reflector"]["converted"])

    def test_extended_and_tai(self):
        self.check_clock(Plain(self, "b"), "b", "PTP_SYS_OFFSET_EXTENDED", "TAI")

    def test_segments_of_two_clocks_say_how_sure_they_are(self):
        document = Plain.once(self).document
        rows = [row for row in document["segments"] if row["count"] > 0 and
                (row["from"]["point"], row["to"]["point"]) == ("tx_software", "tx_hardware")]
        self.assertEqual(len(rows), 2, document["segments"])
        for row in rows:
            host = document["nic_clocks"][row["from"]["host"]]
            # The module takes the software stamp right before the hardware's.
            self.assertGreaterEqual(row["p50"], -host["bound_ns"], row)

    def test_a_step_in_mid_run(self):
        offsets = self.clocks.offsets
        with self.hosts.reflector("--nic-sample", "1"):
            process = self.hosts.start("rtt", lab.B4, "--count", "600", "--interval", "10ms", "--timeout", "5s",
                                       "--wait", "block", *EVERY_STAMP, "--no-store", "--json", "-",
                                       namespace=self.hosts.a)
            sent = self.hosts.statistics("a")["tx_hwtstamp_delivered"]
            # In the middle: the warm-up sends fewer.
            lab.wait_for(lambda: self.hosts.statistics("a")["tx_hwtstamp_delivered"] > sent + 200, "probes")
            machine.Faults(self, offset_ns=(offsets[0] + 2_000_000_000, offsets[1]))
            document = process.wait().expect(0).json()
        clock = document["nic_clocks"]["sender"]
        self.assertEqual(clock["steps"], 1, clock)
        self.assertLess(abs(clock["offset_ns"] + offsets[0] + 2_000_000_000), 10_000_000)
        row = self.row(document, "sender", "tx_hardware")
        self.assertEqual(row["captured"] + sum(row["missing"].values()), row["requested"])
        self.assertGreater(row["captured"], row["requested"] // 2)
        self.assertEqual(document["violations"]["causal_order"], 0)


class Faults(MeasuredTest):
    """What the module does wrong is in the ledger, as often as the module did it."""

    def fault(self, *args, swap=False, **parameters):
        machine.Faults(self, **parameters)
        return self.measure(*(args or SOME), swap=swap)

    def test_dropped_stamps_are_missing(self):
        document = self.fault(tx_drop_every=(10, 0), rx_drop_every=(0, 8))
        self.check_point(document, "sender", "tx_hardware", COUNT - COUNT // 10, {"lost_by_kernel": COUNT // 10})
        self.check_point(document, "reflector", "rx_hardware", COUNT - COUNT // 8, {"lost_by_kernel": COUNT // 8})
        self.check_point(document, "sender", "rx_hardware", COUNT)
        self.check_point(document, "reflector", "tx_hardware", COUNT)

    def test_dropped_stamps_of_the_other_side(self):
        document = self.fault(tx_drop_every=(0, 10), rx_drop_every=(8, 0))
        self.check_point(document, "reflector", "tx_hardware", COUNT - COUNT // 10, {"lost_by_kernel": COUNT // 10})
        self.check_point(document, "sender", "rx_hardware", COUNT - COUNT // 8, {"lost_by_kernel": COUNT // 8})
        self.check_point(document, "sender", "tx_hardware", COUNT)
        self.check_point(document, "reflector", "rx_hardware", COUNT)

    def test_zero_is_no_time(self):
        document = self.fault(tx_lie=(1, 1), rx_lie=(1, 1), lie_every=(10, 10))
        for host, point in HARDWARE:
            self.check_point(document, host, point, COUNT - COUNT // 10, {"lost_by_kernel": COUNT // 10})

    def check_impossible(self, lie):
        document = self.fault(tx_lie=(lie, lie), rx_lie=(lie, lie), lie_every=(10, 10))
        for host, point in HARDWARE:
            self.check_point(document, host, point, COUNT - COUNT // 10, {"clock_invalid": COUNT // 10})

    def test_a_time_of_another_packet_is_invalid(self):
        self.check_impossible(2)

    def test_a_time_in_the_far_future_is_invalid(self):
        self.check_impossible(3)

    def test_late_stamps_find_their_probes(self):
        document = self.fault(tx_delay_us=(20_000, 20_000))
        for host in ("sender", "reflector"):
            self.check_point(document, host, "rx_hardware", COUNT)
            # No more than 64 are awaited at once, whatever was asked for; how many a machine sends meanwhile differs.
            row = self.row(document, host, "tx_hardware")
            self.assertEqual((row["status"], row["captured"], row["missing"]), ("on", row["requested"], {}), row)
            self.assertGreater(row["requested"], COUNT // 4, row)

    def test_what_the_nic_skips_is_counted(self):
        with self.changes("a", "tx_hwtstamp_skipped") as grown:
            document = self.fault("--count", str(COUNT), "--interval", "2ms", "--timeout", "5s", "--wait", "block",
                                  *EVERY_STAMP, tx_delay_us=(20_000, 0), tx_outstanding=(1, 0))
        row = self.row(document, "sender", "tx_hardware")
        skipped = row["missing"].get("skipped_by_nic", 0)
        self.assertEqual(row["missing"], {"skipped_by_nic": skipped})
        self.assertGreater(skipped, 0)
        self.assertLessEqual(skipped, grown["tx_hwtstamp_skipped"])
        self.assertGreater(row["captured"], 0)

    def test_the_automatic_sample_stays_below_the_limit(self):
        document = self.fault("--count", str(COUNT), "--interval", "2ms", "--timeout", "5s", "--wait", "block",
                              "--layers", "app,kernel,nic", tx_delay_us=(20_000, 0), tx_outstanding=(2, 0))
        row = self.row(document, "sender", "tx_hardware")
        self.assertLess(row["requested"], COUNT)
        self.assertGreater(row["captured"], 0)
        self.assertLessEqual(sum(row["missing"].values()), row["requested"] // 4, row)

    def test_lost_frames_are_lost_probes(self):
        document = self.fault("--interval", "4ms", "--count", str(COUNT), "--timeout", "1s", "--wait", "block",
                              *EVERY_STAMP, lose_every=(20, 0))
        probes = document["probes"]
        self.assertEqual((probes["lost"], probes["lost_forward"]), (COUNT // 20, COUNT // 20))
        # They left the sender: the stamp of a frame that is lost later is there.
        self.check_point(document, "sender", "tx_hardware", COUNT)
        self.check_point(document, "sender", "rx_hardware", COUNT - COUNT // 20, {"probe_lost": COUNT // 20})


class Settings(MeasuredTest):
    """The NIC's configuration is changed when it must be, and put back on every way out."""

    def setUp(self):
        for host in "ab":
            self.hosts.set_config(host, *OFF)
            self.addCleanup(self.hosts.set_config, host, *OFF)

    def test_put_back_at_the_end(self):
        run = Plain.once(self)
        self.assertEqual((run.configs_before, run.configs_after), ((OFF, OFF), (OFF, OFF)))
        self.assertIn("none -> all", run.document["nic_clocks"]["sender"]["changed"])

    def test_kept_when_it_serves(self):
        for host in "ab":
            self.hosts.set_config(host, *ALL)
        with self.changes("a", "hwtstamp_config_set") as a, self.changes("b", "hwtstamp_config_set") as b:
            document = self.measure(*SOME)
        self.assertEqual((a["hwtstamp_config_set"], b["hwtstamp_config_set"]), (0, 0))
        self.assertEqual(self.both_configs(), (ALL, ALL))
        self.assertEqual(document["nic_clocks"]["sender"]["changed"], "")

    def start_long(self):
        return self.hosts.start("rtt", lab.B4, "--duration", "60s", "--interval", "20ms", "--wait", "block",
                                *EVERY_STAMP, "--no-store", namespace=self.hosts.a)

    def wait_for_a(self, config):
        lab.wait_for(lambda: self.hosts.get_config("a") == config, f"the configuration {config}", 30)

    def test_put_back_after_a_signal(self):
        with self.hosts.reflector():
            process = self.start_long()
            self.wait_for_a(ALL)
            process.stop()
        self.assertEqual(self.both_configs(), (OFF, OFF))

    def test_put_back_at_the_next_start_after_a_crash(self):
        with self.hosts.reflector():
            process = self.start_long()
            self.wait_for_a(ALL)
            kill(process)
            self.assertEqual(self.hosts.get_config("a"), ALL)
            self.hosts.netobs("rtt", lab.B4, *ONE_BY_ONE, "--layers", "app,kernel,nic", "--no-store",
                              namespace=self.hosts.a).expect(0)
        self.assertEqual(self.both_configs(), (OFF, OFF))

    def test_two_runs_share_it(self):
        with self.hosts.reflector():
            first, second = self.start_long(), self.start_long()
            self.wait_for_a(ALL)
            first.stop()
            self.assertIn(self.hosts.get_config("a"), (ALL, OFF))
            second.stop()
        self.assertEqual(self.both_configs(), (OFF, OFF))

    @contextlib.contextmanager
    def fake_ptp4l(self):
        """A process that looks like ptp4l on A's NIC: its name, and its arguments."""
        program = self.hosts.path("ptp4l")
        shutil.copy(os.path.realpath(sys.executable), program)
        process = self.hosts.spawn([program, "-c", "import time; time.sleep(600)", "-i", "hwts0"], self.hosts.a)
        lab.wait_for(lambda: process.popen.poll() is None and self.name_of(process) == "ptp4l", "the daemon")
        try:
            yield
        finally:
            process.abandon()

    @staticmethod
    def name_of(process):
        with open(f"/proc/{process.pid}/comm", encoding="ascii") as file:
            return file.read().strip()

    def test_others_settings_are_respected(self):
        machine.Faults(self, filter=(4, 0))
        ptp = (stamps.TX_ON, stamps.FILTER_V2_EVENT)
        self.assertEqual(self.hosts.set_config("a", *ptp), ptp)
        with self.fake_ptp4l():
            refused = self.measure(*SOME, status=5)
            self.assertIn("--nic-force", refused.err)
            self.assertIn("ptp4l", refused.err)
            self.assertEqual(self.hosts.get_config("a"), ptp)
            self.check_point(self.measure(*SOME, "--nic-force"), "sender", "tx_hardware", COUNT)
            self.assertEqual(self.both_configs(), (ptp, OFF))

    def test_a_filter_that_is_widened_serves(self):
        machine.Faults(self, filter=(1, 1))
        document = self.measure(*SOME)
        for host, point in HARDWARE:
            self.check_point(document, host, point, COUNT)
        self.assertEqual(self.both_configs(), (OFF, OFF))

    def test_ptp_packets_only(self):
        machine.Faults(self, filter=(2, 2))
        refused = self.measure(*SOME, status=5)
        self.assertIn("--ptp-disguise", refused.err)
        auto = self.measure(*ONE_BY_ONE, "--nic-sample", "1")
        self.check_point(auto, "sender", "tx_hardware", COUNT)
        self.assertNotEqual(self.row(auto, "sender", "rx_hardware")["status"], "on")
        document = self.measure(*SOME, "--ptp-disguise", reflect=("--nic-sample", "1", "--ptp-disguise"))
        for host, point in HARDWARE:
            self.check_point(document, host, point, COUNT)
        self.assertEqual(self.both_configs(), (OFF, OFF))

    def test_packets_from_elsewhere_leave_the_reflectors_filter(self):
        with self.hosts.reflector("--nic-sample", "1"):
            self.assertEqual(self.hosts.get_config("b"), ALL)
            with self.hosts.inside(self.hosts.b), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
                for _ in range(20):
                    stranger.sendto(bytes(44), ("127.0.0.1", 862))
            document = self.hosts.netobs("rtt", lab.B4, *SOME, "--no-store", "--json", "-",
                                         namespace=self.hosts.a).expect(0).json()
            self.assertEqual(self.hosts.get_config("b"), ALL)
        self.check_point(document, "reflector", "rx_hardware", COUNT)

    def test_another_filter_with_a_key(self):
        machine.Faults(self, filter=(4, 0), rx_drop_every=(1, 0))
        self.hosts.write("key", "0123456789abcdef0123456789abcdef", 0o600)
        options = ("--ptp-disguise", "--auth-key-file", self.hosts.path("key"))
        document = self.measure(*ONE_BY_ONE, *options, reflect=options)
        self.assertEqual(document["probes"]["received"], COUNT)
        self.assertNotEqual(self.row(document, "sender", "rx_hardware")["status"], "on")

    def test_the_way_to_an_own_address_is_not_the_nics(self):
        with self.hosts.reflector("--layers", "app", namespace=self.hosts.a), \
                self.changes("a", "hwtstamp_config_set") as grown:
            self.hosts.netobs("rtt", lab.A4, *ONE_BY_ONE, "--no-store", namespace=self.hosts.a).expect(0)
        self.assertEqual(grown["hwtstamp_config_set"], 0)

    def test_doctor_says_what_there_is(self):
        with self.hosts.reflector("--nic-sample", "1"):
            result = self.hosts.netobs("doctor", lab.B4, namespace=self.hosts.a).expect(0)
        for words in ("/dev/ptp0", "PTP_SYS_OFFSET_PRECISE"):
            self.assertIn(words, result.out)
        self.assertEqual(self.both_configs(), (OFF, OFF))
