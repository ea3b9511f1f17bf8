#!/usr/bin/env python3
"""The layer pcap and --write: what a capture sees of a run, on both hosts and in a file."""

import glob
import os
import re
import signal
import subprocess
import time

import lab
from contract import check_contract, check_coverage, points, rows_of, rows_so_far, working
from lab import B4, B6, check, contains, equal, wait_for

PCAP = {"pcap_tx", "pcap_rx"}


def fields(path, *names):
    """One list per packet, as tshark reads the file. Fields that it has more than once: the first."""
    args = ["tshark", "-n", "-r", path, "-T", "fields", "-E", "occurrence=f"]
    for name in names:
        args += ["-e", name]
    done = subprocess.run(args, capture_output=True, text=True, check=True)
    return [line.split("\t") for line in done.stdout.splitlines()]


def test_every_arrival_is_rx_software(host):
    with host.reflector():
        for target, rate, count in ((B4, "20kpps", 100_000), (B6, "5kpps", 2_000)):
            document = check_contract(host.rtt(target, "--rate", rate, "--count", str(count),
                                               "--layers", "pcap,auto"))
            answered = document["probes"]["received"]
            check(answered >= 0.9 * count, f"{answered} answers")
            # A reflector that gets no CPU for a third of a second has a full socket.
            check_coverage(document, least=0.9)
            for side in ("sender", "reflector"):
                check(working(document, side) >= PCAP, f"{side}: {working(document, side)}")
            found = document["violations"]
            check(found["capture_checked"] >= 0.9 * 2 * answered, f"arrivals compared: {found}")
            equal(found["capture_differs"], 0, "arrivals that are not rx_software")


def test_a_reflector_that_stood_still_has_it_all(host):
    """What had arrived meanwhile has its times at the hooks, although they come before their datagrams."""
    with host.reflector() as reflector:
        store = host.path("still.db")
        process = host.start("rtt", B4, "--rate", "10kpps", "--count", "30000", "--layers", "pcap,auto",
                             "--timeout", "10s", "--store", store, "--json", "-", namespace=host.a)
        wait_for(lambda: rows_so_far(store) > 1000, "the first rows")
        with reflector.stopped():
            time.sleep(0.4)
        document = check_contract(process.wait().expect(0).json())
    check(document["rtt_ns"]["app"]["max"] > 300_000_000, "the pause is in the times")
    check("pcap_rx" in working(document, "reflector"), "the reflector's capture")
    for name, row in points(document, "reflector").items():
        if row["status"] == "on" and name.endswith(("ingress", "delivery", "pcap_rx")):
            by_us = {why for why in row["missing"] if why.startswith("lost_by")}
            equal(by_us, set(), f"{name}: {row}")


def test_it_lies_between_qdisc_and_driver(host):
    with host.reflector():
        document = check_contract(host.rtt(B4, "--count", "500", "--layers", "pcap,auto"))
    names = [segment["name"] for segment in document["segments"]]
    equal(names.count("qdisc"), 2, f"qdisc segments of {names}")
    equal(names.count("capture taps"), 2, f"segments behind the taps of {names}")
    # rx_software stands for both arrivals.
    for segment in document["segments"]:
        check("pcap_rx" not in (segment["from"]["point"], segment["to"]["point"]), str(segment))
    # Alone it takes the place of the kernel's points.
    with host.reflector("--layers", "pcap"):
        document = check_contract(host.rtt(B4, "--count", "500", "--layers", "app,pcap"))
    for side in ("sender", "reflector"):
        equal(working(document, side), {"app_tx", "app_rx"} | PCAP, side)
    ends = {(segment["from"]["point"], segment["to"]["point"]) for segment in document["segments"]}
    check({("app_tx", "pcap_tx"), ("pcap_rx", "app_rx")} <= ends, f"segments {ends}")


def test_only_on_request(host):
    with host.reflector() as reflector:
        for side in ("sender", "reflector"):
            equal({row["status"] for name, row in points(host.rtt(B4, "--count", "100"), side).items()
                   if name in PCAP}, {"not_requested"}, side)
        sockets = "/proc/{}/fd".format(reflector.pid)
        before = len(os.listdir(sockets))
        host.rtt(B4, "--count", "100", "--layers", "pcap,auto")
        check(len(os.listdir(sockets)) > before, "the reflector has opened a capture")
        wait_for(lambda: len(os.listdir(sockets)) == before or
                 not host.rtt(B4, "--count", "20"), "the capture's end when nobody asks", 30)
    with host.reflector("--layers", "app,kernel"):
        refused = host.rtt(B4, "--count", "100", "--layers", "pcap,auto", status=5)
        contains(refused.err, "reflector", "a reflector that was told to record other layers")


def test_loopback_shows_a_packet_once(host):
    with host.reflector(namespace=host.a):
        document = check_contract(host.rtt("127.0.0.1", "--count", "200", "--layers", "app,kernel",
                                           "--write", host.path("lo.pcapng")))
        equal(working(document, "sender") & PCAP, {"pcap_rx"}, "points on loopback")
        refused = host.rtt("127.0.0.1", "--count", "100", "--layers", "pcap,auto", status=5)
        contains(refused.err, "loopback", "pcap_tx by name on loopback")


def test_written_file(host):
    path = host.path("run.pcapng")
    with host.reflector():
        result = host.netobs("rtt", B4, "--count", "300", "--interval", "500us", "--write", path,
                             "--store", host.path("w.db"), "--json", "-", namespace=host.a)
        document = check_contract(result.expect(0).json(), sent=300)
    contains(document["environment"]["capture"], path, "where the capture is")
    contains(result.err, path, "said at the end")
    packets = fields(path, "frame.time_epoch", "frame.packet_flags_direction", "udp.dstport",
                     "frame.comment", "frame.len")
    measured = [packet for packet in packets if packet[3].startswith("netobs probe")]
    equal(len(measured), 600, f"packets of measured probes, of {len(packets)}")
    rows = rows_of(host.path("w.db"), document["run"]["id"],
                   "SELECT sequence, sender_pcap_tx, sender_pcap_rx, sender_app_tx, reflector_app_rx "
                   "FROM probes WHERE run_id = ? ORDER BY sequence")
    by_probe = {}
    for when, direction, port, comment, length in measured:
        number, way = re.match(r"netobs probe (\d+) (out|back), answered", comment).groups()
        equal((way == "out"), port == "862", f"way of {comment}")
        equal(int(direction, 0), 2 if way == "out" else 1, "direction flags")
        equal(int(length), 42 + document["run"]["size_bytes"], "a whole packet")
        by_probe[int(number), way] = (int(when.replace(".", "")), comment)
    for sequence, sent, received, app_tx, remote_rx in rows:
        out, back = by_probe[sequence, "out"], by_probe[sequence, "back"]
        equal((out[0], back[0]), (sent, received), f"times of probe {sequence}")
        contains(out[1], f"sender: app_tx {app_tx}, ", "the sender's times")
        contains(back[1], "round trip: application ", "round trips")
        check(re.search(r"; reflector: \w+ \d{19}, ", out[1]), out[1])
        check(remote_rx is not None, "the reflector's time")
    times = [float(packet[0]) for packet in packets]
    equal(times, sorted(times), "in the order of time")


def test_rotation_bounds_the_size(host):
    path = host.path("ring.pcapng")
    with host.reflector():
        result = host.netobs("rtt", B4, "--count", "6000", "--rate", "10kpps", "--no-store",
                             "--write", path, "--write-size", "1MB", "--write-files", "2",
                             namespace=host.a).expect(0)
    left = sorted(glob.glob(host.path("ring*.pcapng")))
    equal(len(left), 2, f"files {left}")
    for file in left:
        check(os.path.getsize(file) <= 1_000_000, f"{file}: {os.path.getsize(file)} bytes")
        check(len(fields(file, "frame.number")) > 100, file)
    contains(result.err, "the last 2 files are left", "what was removed")


def test_what_ends_early_keeps_its_packets(host):
    path = host.path("early.pcapng")
    with host.reflector():
        process = host.start("rtt", B4, "--duration", "5min", "--interval", "1ms", "--no-store", "--json",
                             "-", "--write", path, namespace=host.a)
        wait_for(lambda: os.path.exists(path), "the file")
        host.rtt(B4, "--count", "500")
        document = process.stop(signal.SIGINT).expect(0).json()
    comments = [packet[0] for packet in fields(path, "frame.comment")]
    equal(len([comment for comment in comments if comment.startswith("netobs probe")]),
          2 * document["probes"]["sent"], "packets of an interrupted run")


def test_errors_say_what_to_do(host):
    with host.reflector():
        missing = host.netobs("rtt", B4, "--count", "10", "--no-store", "--write",
                              host.path("no/such/run.pcapng"), namespace=host.a)
        check(missing.status not in (0, 3), f"status {missing.status}")
        contains(missing.err, "no/such", "the path")
        bypass = host.netobs("rtt", B4, "--count", "10", "--no-store", "--compare-transports", "--write",
                             host.path("x.pcapng"), namespace=host.a)
        equal(bypass.status, 2, "a capture of a comparison")


if __name__ == "__main__":
    lab.main(globals())
