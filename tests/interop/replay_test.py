#!/usr/bin/env python3
"""netobs replay on captures whose truth is known, because this script wrote them: packets from the
standards (stamp.py), by hands that share no code with the engine. Needs no root.

Usage: replay_test.py NETOBS_BINARY [TEST ...]
"""

import json
import os
import struct
import subprocess
import sys
import tempfile

import stamp
from captures import START_NS, echo, ethernet, pcap, udp
from lab import Failure, check, contains, equal

US, MS, S = 10**3, 10**6, 10**9
A, B = ("198.18.0.1", 40_000), ("198.18.0.2", 862)


class Host:
    """Runs the command in a folder of its own."""

    def __init__(self, binary, work):
        self.binary, self.work = os.path.abspath(binary), work

    def file(self, name, octets):
        path = f"{self.work}/{name}"
        with open(path, "wb") as file:
            file.write(octets)
        return path

    def run(self, *args, status=0, stdin=b""):
        done = subprocess.run([self.binary, *args], cwd=self.work, input=stdin, capture_output=True, timeout=60,
                              check=False, env=dict(os.environ, HOME=self.work, LC_ALL="C"))
        self.out, self.err = done.stdout.decode(), done.stderr.decode()
        check(done.returncode == status, f"{args}: status {done.returncode}, expected {status}\n{self.out}{self.err}")
        return self.out

    def replay(self, *args, status=0, store=False, stdin=b""):
        return json.loads(self.run("replay", *args, *([] if store else ["--no-store"]), "--json", "-",
                                   status=status, stdin=stdin))


def request(number, at_ns, **more):
    return stamp.request(number, t1=stamp.ntp(START_NS + at_ns), **more)


def reply(packet, number, t2_ns, t3_ns):
    sender_sequence, t1, estimate, ssid = struct.unpack_from("!IQHH", packet)
    return struct.pack("!IQHHQIQHHB3x", number, stamp.ntp(START_NS + t3_ns), stamp.ERROR_ESTIMATE, ssid,
                       stamp.ntp(START_NS + t2_ns), sender_sequence, t1, estimate, 0, 63) + packet[44:]


def session(count, lost=(), twice=(), way_us=20, residence_us=5, ports=(A, B), ssid=0):
    """One probe per millisecond, each way 20 us, 5 us at the reflector."""
    packets = []
    sender, reflector = ports
    for i in range(count):
        t = i * MS
        packet = request(i, t, ssid=ssid)
        packets.append((t, udp(sender, reflector, packet)))
        if i in lost:
            continue
        answer = udp(reflector, sender, reply(packet, i, t + way_us * US, t + (way_us + residence_us) * US))
        back = t + (2 * way_us + residence_us) * US
        packets += [(back, answer)] * (2 if i in twice else 1)
    return packets


def only(document):
    equal(len(document["sessions"]), 1, "sessions")
    return document["sessions"][0]


def test_a_session_of_known_truth(host):
    capture = host.file("known.pcap", pcap(session(1200, lost={3, 700}, twice={5, 6, 7})))
    found = only(host.replay(capture))
    equal(found["sender"], "198.18.0.1:40000", "sender")
    equal(found["reflector"], "198.18.0.2:862", "reflector")
    summary = found["summary"]
    probes = summary["probes"]
    equal((probes["sent"], probes["received"], probes["lost"], probes["duplicate"], probes["reordered"]),
          (1200, 1198, 2, 3, 0), "probes")
    figures = summary["rtt_ns"]["pcap"]
    equal((figures["count"], figures["min"], figures["max"]), (1198, 45 * US, 45 * US), "round trip")
    equal(summary["run"]["target"], "198.18.0.2:862", "target")
    equal(summary["run"]["transport"], "capture", "transport")
    # NTP fractions are a quarter of a nanosecond.
    residence = [row for row in summary["segments"] if row["name"] == "residence"][0]
    check(abs(residence["mean"] - 5 * US) <= 1, f"residence {residence}")
    text = host.run("replay", capture, "--no-store")
    for part in ("known.pcap", "Ethernet", "2 401 of sessions", "45.0 us", "lost 2", "residence", "microseconds"):
        contains(text, part, "the report")


def test_two_points_and_what_lies_between(host):
    near, far = session(300), []
    clock = -7 * S
    for at, frame in near:
        i, back = divmod(at, MS)
        # The far point is 12 us away: 8 us before the reflector, and 8 us behind it.
        far.append((at + clock + (-12 if back else 12) * US, frame))
        equal(i < 300, True, "sanity")
    files = [host.file("near.pcap", pcap(near)), host.file("far.pcap", pcap(far))]
    for order in (files, files[::-1], [files[0], "--far", files[1]]):
        document = host.replay(*order)
        equal(document["capture"]["two_points"]["common_packets"], 600, "common packets")
        equal([file["point"] for file in document["capture"]["files"]], ["near", "far"], "points")
        contains(document["capture"]["files"][0]["path"], "near.pcap", "the near one")
        summary = only(document)["summary"]
        equal(summary["rtt_ns"]["pcap"]["max"], 45 * US, "round trip at the near point")
        equal(summary["net_rtt_ns"]["pcap"]["max"], 24 * US, "between the two points")
        equal(summary["violations"]["causal_order"], 0, "causal order")


def test_rotated_files_are_one_capture(host):
    packets = session(300)
    parts = [host.file(f"part{i}.pcap", pcap(packets[i * 200:(i + 1) * 200])) for i in range(3)]
    document = host.replay(parts[2], parts[0], parts[1])
    equal(only(document)["summary"]["probes"]["received"], 300, "answers")
    # The newest one of a rotation, before anything is flushed to it.
    newest = host.file("part3.pcap", b"")
    document = host.replay(newest, *parts)
    equal(only(document)["summary"]["probes"]["received"], 300, "answers beside an empty file")
    check(any("part3.pcap is empty" in note for note in document["capture"]["notes"]), f"{document}")
    # Two parts are two files, too, and still no two points.
    document = host.replay(parts[1], parts[0])
    equal(document["capture"]["two_points"], None, "two points")
    equal(only(document)["summary"]["probes"]["received"], 200, "answers")


def test_parts_whose_packets_repeat_are_no_two_points(host):
    def pings(base):
        return [packet for i in range(10) for packet in (
            (base + i * S, echo(A[0], B[0], i)), (base + i * S + (45 + base % 7) * US, echo(B[0], A[0], i, reply=True)))]

    def echoes(base):
        return [packet for i in range(20) for packet in (
            (base + i * S, udp(A, (B[0], 7), b"ping" * 12)), (base + i * S + 45 * US, udp((B[0], 7), A, b"ping" * 12)))]

    for match, packets, count in (("icmp", pings, 20), ("udp-echo", echoes, 40)):
        files = [host.file("a.pcap", pcap(packets(0))), host.file("b.pcap", pcap(packets(60 * S + 3)))]
        document = host.replay("--match", match, *files)
        equal(document["capture"]["two_points"], None, f"{match}: two points")
        equal(only(document)["summary"]["probes"]["received"], count, f"{match}: answers")
        check(any("--far FILE" in note for note in document["capture"]["notes"]), f"{document['capture']['notes']}")
        document = host.replay("--match", match, files[0], "--far", files[1])
        check(document["capture"]["two_points"] is not None, f"{match}: two points that were named")


def test_standard_input_and_what_is_stored(host):
    octets = pcap(session(50, lost={7}))
    document = host.replay("-", store=True, stdin=octets)
    live = only(document)["summary"]
    stored = json.loads(host.run("report", live["run"]["id"], "--json"))
    equal(stored, live, "the stored report")
    again = json.loads(host.run("report", live["run"]["id"], "--json", "--from-rows"))
    equal(again["rtt_ns"], live["rtt_ns"], "recomputed from the rows")
    contains(host.run("runs"), "capture", "the list of runs")
    host.run("replay", "-", host.file("x.pcap", octets), "--no-store", status=2)


def test_twamp_light_of_14_and_41_octets(host):
    packets = []
    for i in range(20):
        short = request(i, i * MS)[:14]
        answer = reply(short + bytes(30), i, i * MS, i * MS + 1)[:41]
        packets += [(i * MS, udp(A, B, short)), (i * MS + 30 * US, udp(B, A, answer))]
    found = only(host.replay(host.file("twamp.pcap", pcap(packets))))
    equal(found["summary"]["probes"]["received"], 20, "answers")
    equal(found["summary"]["rtt_ns"]["pcap"]["min"], 30 * US, "round trip")
    contains(host.run("replay", "twamp.pcap", "--no-store"), "TWAMP-Light", "the table")


def test_authenticated_over_ipv6_at_any_port(host):
    key, packets = b"k" * 16, []
    sender, reflector = ("fd00::1", 4000), ("fd00::2", 5000)
    peer = stamp.Reflector.__new__(stamp.Reflector)
    peer.clock, peer.key, peer.error_estimate = stamp.ntp, key, stamp.ERROR_ESTIMATE
    peer.change, peer.tail = (lambda octets: octets), (lambda octets: octets)
    for i in range(20):
        packet = stamp.authenticated_request(i, key, t1=stamp.ntp(START_NS + i * MS), ssid=77)
        answer = peer.answer(packet, i, stamp.ntp(START_NS + i * MS))
        packets += [(i * MS, udp(sender, reflector, packet)), (i * MS + 40 * US, udp(reflector, sender, answer))]
    found = only(host.replay(host.file("auth.pcap", pcap(packets))))
    equal((found["mode"], found["ssid"], found["reflector"]), ("authenticated", 77, "[fd00::2]:5000"), "session")
    equal(found["summary"]["probes"]["received"], 20, "answers")


def test_mixed_sessions_and_a_choice(host):
    packets = session(30, ports=(A, B)) + session(60, ports=(("198.18.0.1", 40_001), B), way_us=100)
    packets += [(i * MS, udp(("198.18.0.9", 9), ("198.18.0.2", 53), b"no probe at all")) for i in range(9)]
    packets += [(5 * MS, ethernet(b"\0" * 28, 0x0806))]
    capture = host.file("mixed.pcap", pcap(sorted(packets, key=lambda each: each[0])))
    document = host.replay(capture)
    equal([found["requests"] for found in document["sessions"]], [30, 60], "requests")
    equal(document["capture"]["skipped"]["not_ip"], 1, "frames that are not IP")
    equal(document["capture"]["left_over"]["udp"], 9, "datagrams of no session")
    contains(host.run("replay", capture, "--no-store"), "205 us", "the session with most requests")
    contains(host.run("replay", capture, "--no-store", "--session", "1"), "45.0 us", "session 1")
    host.run("replay", capture, "--no-store", "--session", "9", status=2)
    host.run("replay", capture, "--no-store", "--session", "none", status=2)


def test_pings(host):
    packets = []
    for i in range(1, 31):
        packets.append((i * MS, echo(A[0], B[0], i)))
        if i != 9:
            packets.append((i * MS + 150 * US, echo(B[0], A[0], i, reply=True)))
    capture = host.file("ping.pcap", pcap(packets))
    host.run("replay", capture, "--no-store", status=1)
    contains(host.err, "30 ICMP echo requests: --match icmp", "what is there instead")
    found = only(host.replay("--match", "icmp", capture))
    equal((found["summary"]["probes"]["sent"], found["summary"]["probes"]["lost"]), (30, 1), "pings")
    equal(found["summary"]["rtt_ns"]["pcap"]["max"], 150 * US, "round trip")
    equal(found["summary"]["run"]["target"], B[0], "target")


def test_what_nothing_can_be_read_of_is_named(host):
    label = struct.pack("!I", 16 << 12 | 0x100 | 64)
    packets = [(at, frame[:12] + b"\x88\x47" + label + frame[14:]) for at, frame in session(10)]
    host.run("replay", host.file("mpls.pcap", pcap(packets)), "--no-store", status=1)
    contains(host.err, "20 packets are not IP: MPLS", "what is there instead")


def test_udp_echoes_and_dns(host):
    server = (B[0], 7)
    packets = []
    for i in range(25):
        payload = struct.pack("!I", i) + b"echo"
        packets += [(i * MS, udp(A, server, payload)), (i * MS + 70 * US, udp(server, A, payload))]
    capture = host.file("echo.pcap", pcap(packets))
    host.run("replay", capture, "--no-store", status=1)
    contains(host.err, "--match udp-echo", "what is there instead")
    equal(only(host.replay("--match", "udp-echo", capture))["summary"]["rtt_ns"]["pcap"]["max"], 70 * US, "echo")
    server = (B[0], 53)
    packets = []
    for i in range(25):
        packets += [(i * MS, udp(A, server, struct.pack("!H", 9000 + 13 * i) + b"query")),
                    (i * MS + 90 * US, udp(server, A, struct.pack("!H", 9000 + 13 * i) + b"an answer"))]
    capture = host.file("dns.pcap", pcap(packets))
    host.run("replay", capture, "--no-store", status=1)
    contains(host.err, "53 (50 datagrams)", "what is there instead")
    found = only(host.replay("--match", "udp-echo", "--number-at", "0:2", capture))
    equal((found["requests"], found["summary"]["rtt_ns"]["pcap"]["max"]), (25, 90 * US), "DNS")
    host.run("replay", capture, "--match", "udp-echo", "--number-at", "0:3", "--no-store", status=2)


def test_numbers_that_are_no_row(host):
    """A counter of 8 octets in little endian is far beyond the numbers that a store can have."""
    packets = []
    for i in range(400):
        payload = struct.pack("<Q", i) + bytes(24)
        packets += [(i * MS, udp(A, B, payload)), (i * MS + 45 * US, udp(B, A, payload))]
    capture = host.file("little.pcap", pcap(packets))
    document = host.replay(capture, "--match", "udp-echo", "--number-at", "0:8", "--store", "little.db", store=True)
    equal(only(document)["summary"]["probes"]["received"], 400, "answers")
    stored = json.loads(host.run("report", "--store", "little.db", "--json"))
    equal(stored["probes"]["received"], 400, "answers in the store")


def test_unanswered_probes(host):
    capture = host.file("silent.pcap", pcap(session(20, lost=range(20))))
    found = only(host.replay(capture))
    equal(found["summary"]["probes"]["lost"], 20, "lost")
    equal(found["cut_off"], 20, "of which the capture did not wait for")
    other = host.file("other.pcap", pcap(session(20, lost=range(20), ports=(A, (B[0], 5000)))))
    host.run("replay", other, "--no-store", status=1)
    equal(only(host.replay("--port", "5000", other))["summary"]["probes"]["lost"], 20, "lost, with --port")


def test_a_start_in_the_middle_and_a_clock_that_is_set(host):
    packets = session(40)[11:]  # begins with a reply
    found = only(host.replay(host.file("middle.pcap", pcap(packets))))
    equal((found["orphan_replies"], found["summary"]["probes"]["lost"]), (1, 0), "orphans and losses")
    packets = [(at + 100 * S if at < 20 * MS else at, frame) for at, frame in session(40)]
    document = host.replay(host.file("set.pcap", pcap(packets)))
    equal(document["capture"]["clock_steps"], 1, "clock steps")
    contains(host.run("replay", "set.pcap", "--no-store"), "clock went back", "the note")
    packets = session(40)
    packets.insert(40, (19 * MS + 900 * US, udp(A, B, request(99, 19 * MS + 900 * US))))  # still under way
    packets = [(at + 100 * S if at < 20 * MS else at, frame) for at, frame in packets]
    document = host.replay(host.file("set.pcap", pcap(packets)))
    summary = only(document)["summary"]
    equal(summary["probes"]["clock_stepped"], 1, "probes under way at a step")
    check(any("times went back" in note for note in summary["notes"]), f"{summary['notes']}")
    check("chrony" not in str(summary["notes"]), "a remedy for a live run")


def test_short_snap_lengths(host):
    tail = stamp.tlv(250, bytes(60))
    packets = []
    for i in range(20):
        packet = request(i, i * MS, tail=tail)
        packets += [(i * MS, udp(A, B, packet)), (i * MS + 45 * US, udp(B, A, reply(packet, i, i * MS, i * MS + 1)))]
    for snap, found in ((14 + 28 + 44, True), (14 + 28 + 36, True), (14 + 28 + 28, True), (14 + 28 + 27, None), (40, None)):
        capture = host.file("snap.pcap", pcap(packets, snap=snap))
        document = host.replay(capture, status=0 if found or snap > 40 else 1)
        if found:
            equal(only(document)["summary"]["probes"]["received"], 20, f"answers at {snap}")
            equal(only(document)["hidden_tlvs"], 20, f"hidden TLVs at {snap}")
        elif snap > 40:  # requests can be read, replies cannot
            equal(only(document)["summary"]["probes"]["received"], 0, f"answers at {snap}")
        else:
            equal(document["capture"]["skipped"]["truncated_headers"], 40, "truncated headers")


def test_captures_that_end_early_or_are_none(host):
    whole = pcap(session(20))
    for cut in range(24, len(whole), 1 + len(whole) // 97):
        capture = host.file("cut.pcap", whole[:cut])
        done = subprocess.run([host.binary, "replay", capture, "--no-store", "--json", "-"], capture_output=True,
                              timeout=60, check=False)
        check(done.returncode in (0, 1), f"cut at {cut}: {done}")
        json.loads(done.stdout)
    host.run("replay", host.file("cut.pcap", whole[:-5]), "--no-store")
    contains(host.out, "ends early", "the note")
    for octets in (b"", b"Nov 30 04:00:00 host kernel: not a capture\n" * 9, os.urandom(500)):
        host.run("replay", host.file("none.pcap", octets), "--no-store", status=1)
        contains(host.err, "none.pcap", "the error")
    host.run("replay", "absent.pcap", "--no-store", status=1)
    host.run("replay", status=2)
    host.run("replay", host.file("empty.pcap", pcap([])), "--no-store", status=1)
    contains(host.err, "no packets", "an empty capture")


def test_times_that_cannot_be(host):
    """Without times, or with coarse ones, figures would be zeros that look measured: it is said."""
    packets = session(300)
    coarse = [(at // 1_000_000 * 1_000_000, octets) for at, octets in packets]
    none = [(-START_NS, octets) for _, octets in packets]
    for name, changed, said in (("ms", coarse, "multiples of 1.00 ms"), ("none", none, "600 packets without a time")):
        notes = host.replay(host.file(f"{name}.pcap", pcap(changed)))["capture"]["notes"]
        check(any(said in note for note in notes), f"{name}: {notes}")
    later = [(at + (2**31 - START_NS // 10**9) * 10**9, octets) for at, octets in packets]  # from 2038 on
    summary = only(host.replay(host.file("later.pcap", pcap(later))))["summary"]
    equal(summary["rtt_ns"]["pcap"]["p50"] > 0, True, "round trips after 2038")


def test_hostile_names_stay_text(host):
    name = "\x1b[31mred.pcap"
    text = host.run("replay", host.file(name, pcap(session(5))), "--no-store")
    check("\x1b" not in text, "an escape sequence of a file's name")


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    tests = {name: function for name, function in globals().items() if name.startswith("test_")}
    failed = 0
    for name in sys.argv[2:] or tests:
        with tempfile.TemporaryDirectory(prefix="netobs-replay-") as work:
            try:
                tests[name](Host(sys.argv[1], work))
                print(f"ok    {name}", flush=True)
            except Failure as failure:
                failed += 1
                print(f"FAIL  {name}: {failure}", flush=True)
    sys.exit(failed != 0)


main()
