#!/usr/bin/env python3
"""Real probes: what the dissector reads in tcpdump's capture is what the command stored of the same probes."""

import json
import shutil
import signal

import lab
from capture import Wireshark
from lab import A4, B4, IF_B, check, equal, wait_for

COUNT = 40
MARK = b"end of a run!"  # too short to be answered
# T2 is the earliest receive time that the reflector has when it answers: the kernel's, on a veth pair.
CLOCK_POINTS = {"reflector_rx_software": "stamp.t2", "reflector_app_tx": "stamp.t3", "sender_app_tx": "stamp.t1"}


def capture_run(host, wireshark, *args):
    """A run, its rows by sequence number, and its packets as dissected."""
    path, store = wireshark.path("run.pcap"), host.path("run.db")
    command = ["tcpdump", "-i", IF_B, "-n", "-U", "--immediate-mode", "--time-stamp-precision=nano", "-Z", "root", "-w",
               path, "udp port 862"]
    dump = host.spawn(command, host.b).wait_until("listening on")
    document = host.rtt(B4, "--count", str(COUNT), "--interval", "1ms", "--store", store, *args)
    with host.udp(host.a, A4) as udp:
        udp.sendto(MARK, (B4, 862))
    wait_for(lambda: has_mark(path), "tcpdump to write the packets")
    dump.stop(signal.SIGINT).expect(0)
    export = host.netobs("export", document["run"]["id"], "--store", store, "--format", "jsonl").expect(0)
    rows = {row["sequence"]: row for row in map(json.loads, export.out.splitlines()) if row.get("table") == "probes"}
    equal(sorted(rows), list(range(COUNT)), "rows")
    return document, rows, wireshark.dissect(path, "-Y", "!stamp.too_short")


def has_mark(path):
    with open(path, "rb") as file:
        return MARK in file.read()


def measured(packets):
    """Those of the run itself: its session is the one of the last packets, its numbers begin at 0."""
    session = packets[-1].int("stamp.ssid")
    return [packet for packet in packets if packet.int("stamp.ssid") == session and number(packet) < COUNT]


def number(packet):
    return packet.int("stamp.seq" if packet.int("stamp.role") == 1 else "stamp.sender.seq")


def check_base(packet, row):
    reply = packet.int("stamp.role") == 2
    for column, field in CLOCK_POINTS.items():
        if reply or field == "stamp.t1":
            equal(packet.time_ns(field), row[column], f"{field} of probe {row['sequence']}")
    if reply:
        equal(packet.int("stamp.seq"), row["reflector_sequence"], "reflector's sequence number")
        equal(packet.int("stamp.sender.ttl"), row["reflector_ttl"], "TTL")
        equal(packet.duration_ns("stamp.residence"), row["reflector_app_tx"] - row["reflector_rx_software"],
              "residence")


def check_captured(packet, row):
    """On one host one clock: a captured packet was on the device between these two points."""
    at = packet.epoch_ns()
    first, last = ("reflector_app_tx", "sender_app_rx") if packet.int("stamp.role") == 2 else \
        ("sender_app_tx", "reflector_app_rx")
    check(row[first] <= at <= row[last], f"{first} {row[first]}, captured {at}, {last} {row[last]}")


def check_entries(packets, rows):
    """Every time in an entry is the one that was stored. Returns the points that came, by probe."""
    seen = {}
    for packet in packets:
        for entry in packet.parts("netobs.entry"):
            row = rows.get(entry.int("netobs.entry.sender_seq"))
            if row is None:  # of a packet that fetched the last entries
                continue
            equal(entry.int("netobs.entry.seq"), row["reflector_sequence"], "reply described")
            for name in [name for name in entry.fields if name.startswith("netobs.point.")]:
                point = name.removeprefix("netobs.point.")
                equal(entry.time_ns(name), row[f"reflector_{point}"], f"{point} of probe {row['sequence']}")
                seen.setdefault(row["sequence"], set()).add(point)
    return seen


def stored_points(row):
    return {column.removeprefix("reflector_") for column, value in row.items()
            if column.startswith("reflector_") and value is not None
            and column not in ("reflector_sequence", "reflector_ttl")}


def check_run(host, wireshark, *args):
    document, rows, packets = capture_run(host, wireshark, *args)
    run = measured(packets)
    equal(len(run), 2 * COUNT, "packets of the run")
    remarks = set().union(*(packet.experts() for packet in packets))
    equal(remarks, set(), "remarks on our own packets")
    for packet in run:
        check_base(packet, rows[number(packet)])
        check_captured(packet, rows[number(packet)])
    by_frame = dict(enumerate(packets, 1))
    for packet in run:
        if packet.int("stamp.role") == 2:
            request = by_frame[packet.int("stamp.request_in")]
            equal(number(request), number(packet), "the request of a reply")
            check(packet.duration_ns("stamp.rtt") >= packet.duration_ns("stamp.residence"), "round trip and residence")
        else:
            check("stamp.response_in" in packet, f"no reply to {number(packet)}")
    unmeasured = [packet for packet in packets if packet.all("netobs.flags.not_measured") == ["1"]]
    equal(len(unmeasured), sum(packet.int("stamp.role") == 1 for packet in packets) - COUNT, "not measured")
    check(not {id(packet) for packet in unmeasured} & {id(packet) for packet in run}, "a probe that is not measured")
    # The last entries come in the replies to packets that fetch them, of the same session.
    session = run[-1].int("stamp.ssid")
    seen = check_entries([packet for packet in packets if packet.int("stamp.ssid") == session], rows)
    equal({sequence: points | {"app_rx", "app_tx"} for sequence, points in seen.items()},
          {sequence: stored_points(row) for sequence, row in rows.items()}, "points of the entries")
    return document, run


def test_probes(host):
    with Wireshark() as wireshark, host.reflector():
        document, run = check_run(host, wireshark)
        reported = {row["point"] for row in document["points"] if row["host"] == "reflector" and row["captured"]}
        check(reported >= {"rx_software", "tc_ingress", "app_rx", "app_tx", "tc_egress", "tx_software"}, str(reported))
        for packet in run:
            equal(packet.int("stamp.mode"), 0, "mode")


def test_authenticated_probes(host):
    key = ("--auth-key-file", host.write("wireshark-key", "dissected\n", 0o600))
    with Wireshark() as wireshark, host.reflector(*key):
        for packet in check_run(host, wireshark, *key)[1]:
            equal((packet.int("stamp.mode"), len(packet.octets("stamp.hmac"))), (1, 16), "mode, size of the HMAC")


if __name__ == "__main__":
    if not shutil.which("tshark") or not shutil.which("tcpdump"):
        print("skipped: needs tshark and tcpdump (tools/setup --for test)")
        raise SystemExit(lab.SKIP_STATUS)
    lab.main(globals())
