#!/usr/bin/env python3
"""netobs replay of what tcpdump wrote during a run: what the run itself recorded is found again, probe by
probe, and one capture per host shows what lies between."""

import contextlib
import json
import os
import shutil
import signal
import sqlite3
import time

import lab
from contract import check_contract
from lab import B4, IF_A, IF_B, Skip, check, contains, equal, wait_for

RUN = ["--count", "400", "--interval", "1ms"]


@contextlib.contextmanager
def tcpdump(host, namespace, device, path, *words, snap=0):
    if not shutil.which("tcpdump"):
        raise Skip("needs tcpdump (package tcpdump)")
    process = host.spawn(["tcpdump", "-j", "host", "--time-stamp-precision", "nano", "--immediate-mode", "-U", "-n", "-Z", "root", "-B", "8192",
                          "-s", str(snap), "-i", device, "-w", path, *words], namespace)
    process.wait_until("listening on")
    yield
    size, since = -1, 0.0

    def settled():
        """It ends at once when told to, whatever still waits for it in the kernel."""
        nonlocal size, since
        if os.path.getsize(path) != size:
            size, since = os.path.getsize(path), time.monotonic()
        return time.monotonic() - since > 1

    wait_for(settled, "tcpdump to write what waits")
    done = process.stop(signal.SIGINT)
    contains(done.err, "0 packets dropped by kernel", "tcpdump's own account")


def run_and_capture(host, *args):
    """A stored run, and captures of it at both hosts: the run's document."""
    with host.reflector(), tcpdump(host, host.a, IF_A, host.path("near.pcap"), "udp"), \
            tcpdump(host, host.b, IF_B, host.path("far.pcap"), "udp"):
        return check_contract(host.rtt(B4, *RUN, *args, "--store", host.path("live.db")), sent=400)


def replay(host, *args):
    return host.netobs("replay", *args, "--json", "-").expect(0).json()


def rows(path, run_id):
    """Every column of a run's probes, by the sender's number."""
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        db.row_factory = sqlite3.Row
        found = db.execute("select * from probes order by sequence").fetchall()
    return {row["sequence"]: dict(row) for row in found if f"{row['run_id'] & (2**64 - 1):016x}" == run_id}


def test_the_run_is_found_again(host):
    live = run_and_capture(host, "--layers", "pcap,auto")
    document = replay(host, host.path("near.pcap"), "--at-sender", "--store", host.path("replayed.db"))
    equal(len(document["sessions"]), 1, "sessions")
    found = document["sessions"][0]
    check(found["unmeasured"] > 0, "drain packets were told from probes")
    check(document["capture"]["left_over"]["unmeasured_sessions"] >= 1, "warm-ups were told from runs")
    summary = found["summary"]
    equal(summary["probes"], live["probes"] | {"skipped": 0}, "what became of the probes")
    before = rows(host.path("live.db"), live["run"]["id"])
    after = rows(host.path("replayed.db"), summary["run"]["id"])
    equal(sorted(after), sorted(before), "numbers of the probes")
    compared = 0
    for number, row in after.items():
        known = before[number]
        for column, value in row.items():
            if not column.startswith("reflector_") or value is None or known.get(column) is None:
                continue
            equal(value, known[column], f"{column} of probe {number}")
            compared += 1
        # T1 travels as an NTP timestamp, a quarter of a nanosecond apart from the next.
        equal(row["sender_app_tx"], known["sender_app_tx"], f"T1 of probe {number}")
        # The kernel stamps a packet once for all who capture it.
        equal(row["sender_pcap_rx"], known["sender_pcap_rx"], f"pcap_rx of probe {number}")
        equal(row["sender_pcap_tx"], known["sender_pcap_tx"], f"pcap_tx of probe {number}")
    equal(summary["rtt_ns"]["pcap"], live["rtt_ns"]["pcap"], "the round trip of the capture")
    check(compared >= 400 * 4, f"only {compared} of the reflector's times were compared")


def test_two_hosts_two_captures(host):
    run_and_capture(host)
    document = replay(host, host.path("far.pcap"), host.path("near.pcap"), "--same-clock", "--no-store")
    equal([file["point"] for file in document["capture"]["files"]], ["near", "far"], "points")
    contains(document["capture"]["files"][0]["path"], "near.pcap", "the near capture")
    equal(document["capture"]["left_over"]["far_unknown"], 0, "packets of the far capture without a probe")
    summary = document["sessions"][0]["summary"]
    equal(summary["probes"]["received"], 400, "answers")
    equal(summary["violations"]["causal_order"], 0, "violations")
    equal(summary["violations"]["identity_checked"], 400, "sums checked")
    equal(summary["violations"]["identity"], 0, "sums")
    check(summary["net_rtt_ns"]["pcap"]["min"] > 0, f"between the captures: {summary['net_rtt_ns']}")
    check(summary["net_rtt_ns"]["pcap"]["max"] < summary["rtt_ns"]["pcap"]["max"], "a part of the whole")


def test_a_snap_length_that_hides_the_tlvs(host):
    with host.reflector(), tcpdump(host, host.a, IF_A, host.path("snap.pcap"), "udp", snap=14 + 28 + 44):
        live = host.rtt(B4, *RUN)
    text = host.netobs("replay", host.path("snap.pcap"), "--no-store").expect(0).out
    contains(" ".join(text.split()), "snap length is too short", "the report")
    found = replay(host, host.path("snap.pcap"), "--no-store")["sessions"]
    largest = max(found, key=lambda session: session["requests"])["summary"]["probes"]
    # The drain packets cannot be told from probes then.
    check(largest["sent"] >= live["probes"]["sent"], f"{largest}")


def test_a_capture_of_any(host):
    with host.reflector(), tcpdump(host, host.a, "any", host.path("any.pcap"), "udp"):
        live = host.rtt(B4, *RUN)
    summary = replay(host, host.path("any.pcap"), "--no-store")["sessions"][0]["summary"]
    equal(summary["probes"]["received"], live["probes"]["received"], "answers")


def test_a_capture_by_somebody_else(host):
    if not shutil.which("ping"):
        raise Skip("needs ping (package iputils-ping)")
    with tcpdump(host, host.a, IF_A, host.path("ping.pcap")):
        host.spawn(["ping", "-c", "20", "-i", "0.01", B4], host.a).wait().expect(0)
    done = host.netobs("replay", host.path("ping.pcap"), "--no-store").expect(1)
    contains(done.err, "--match icmp", "what it says of pings")
    summary = replay(host, host.path("ping.pcap"), "--match", "icmp", "--no-store")["sessions"][0]["summary"]
    equal((summary["probes"]["sent"], summary["probes"]["received"]), (20, 20), "pings")
    check(json.dumps(summary), "a summary")


lab.main(globals())
