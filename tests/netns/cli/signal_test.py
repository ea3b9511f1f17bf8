#!/usr/bin/env python3
"""Ends in mid-run: signals, kill -9, and what is left on the interface and in the store."""

import re
import signal

import lab
from contract import check_contract, check_coverage, check_tables, rows_so_far, sqlite_rows
from lab import B4, IF_A, IF_B, check, contains, equal, wait_for

LONG = ["--duration", "5min", "--interval", "1ms"]


def running(host, *args):
    """A long run that has stored its first rows."""
    store = host.path(f"run{len(host.processes)}.db")
    process = host.start("rtt", B4, *LONG, "--store", store, "--json", "-", *args, namespace=host.a)
    wait_for(lambda: rows_so_far(store) > 0 or process.popen.poll() is not None, "the first rows")
    return process, store


def test_interrupted_run_is_kept(host):
    for number in (signal.SIGINT, signal.SIGTERM):
        with host.reflector():
            process, store = running(host)
            document = check_contract(process.stop(number).expect(0).json())
        probes = document["probes"]
        check(0 < probes["sent"] < 300_000, f"probes sent: {probes}")
        equal(probes["received"], probes["sent"], "answered, those under way included")
        check_coverage(document, least=0.99)
        equal(sqlite_rows(store, document["run"]["id"]), probes["sent"], "rows")
        check_tables(store, document)
        again = host.netobs("report", "--store", store, "--json").expect(0).json()
        equal(again, document, "the report of an interrupted run")
        equal(host.filters(host.a, IF_A), "", "filters on the sender's interface")


def test_second_interrupt_leaves_at_once(host):
    with host.reflector() as reflector:
        process, store = running(host, "--timeout", "10min")
        # With the reflector stopped, replies are under way that never come: the first request waits
        # for them, the second does not.
        reflector.send(signal.SIGSTOP)
        sent = rows_so_far(store)
        process.send(signal.SIGINT)
        process.send(signal.SIGTERM)
        document = check_contract(process.wait(30).expect(0).json())
        reflector.send(signal.SIGCONT)
    check(document["probes"]["sent"] >= sent, "what was measured is kept")
    equal(sqlite_rows(store, document["run"]["id"]), document["probes"]["sent"], "rows")


def test_interrupt_while_nobody_answers(host):
    sink = host.udp(host.b, B4, 8620)
    with sink:
        process = host.start("rtt", f"{B4}:8620", "--no-store", namespace=host.a)
        sink.recv(2048)
        process.send(signal.SIGINT)
        ended = process.wait(20)
    check(ended.status == 1, f"{ended.status}: {ended.err}")
    contains(ended.err, "netobs:", "a reason")


def test_reflector_ends_clean(host):
    for without in ([], ["--without", "tcx"]):
        for number in (signal.SIGTERM, signal.SIGINT):
            with host.reflector(*without) as process:
                document = check_contract(host.rtt(B4, "--count", "100"), sent=100)
                check_coverage(document, least=0.99)
                check(bool(host.filters(host.b, IF_B)) == bool(without),
                      f"filters while it runs: {host.filters(host.b, IF_B)!r}")
                ended = process.stop(number).expect(0)
            counters = re.search(r"received (\d+) +answered (\d+) +sessions (\d+)", ended.out)
            check(counters and int(counters[1]) == int(counters[2]) >= 100, ended.out)
            equal(host.filters(host.b, IF_B), "", f"filters after {without}")
            equal(host.sh("tc", "-n", host.b, "qdisc", "show", "dev", IF_B, "clsact"), "", "clsact")


def test_sender_ends_clean_without_tcx(host):
    with host.reflector():
        document = check_contract(host.rtt(B4, "--count", "100", "--without", "tcx"), sent=100)
        check(document["rtt_ns"]["tc"], "no tc round trip by clsact")
        contains(document["environment"]["hooks"], "clsact", "hooks")
    equal(host.filters(host.a, IF_A), "", "filters")


def test_killed_reflector(host):
    for without in ([], ["--without", "tcx"]):
        with host.reflector(*without) as process:
            host.rtt(B4, "--count", "50")
            equal(process.stop(signal.SIGKILL).status, -signal.SIGKILL, "status")
        check(bool(host.filters(host.b, IF_B)) == bool(without), "what SIGKILL leaves")
        with host.reflector(*without):
            document = check_contract(host.rtt(B4, "--count", "100"), sent=100)
            check_coverage(document, least=0.99)
            pieces = host.filters(host.b, IF_B).count("direct-action")
            equal(pieces, 2 if without else 0, "filters of the second reflector")
        equal(host.filters(host.b, IF_B), "", "filters after it")


def test_foreign_filters_stay(host):
    host.sh("tc", "-n", host.b, "qdisc", "add", "dev", IF_B, "clsact")
    try:
        for way in ("ingress", "egress"):
            host.sh("tc", "-n", host.b, "filter", "add", "dev", IF_B, way, "protocol", "ip", "pref", "7",
                    "u32", "match", "u32", "0", "0", "flowid", "1:1")
        before = re.sub(r"installed.*|\(rule.*", "", host.filters(host.b, IF_B))
        with host.reflector("--without", "tcx"):
            host.rtt(B4, "--count", "50")
        after = re.sub(r"installed.*|\(rule.*", "", host.filters(host.b, IF_B))
        equal(after, before, "somebody else's filters")
    finally:
        host.sh("tc", "-n", host.b, "qdisc", "del", "dev", IF_B, "clsact")


def test_killed_run_is_reported_as_unfinished(host):
    with host.reflector():
        process, store = running(host)
        process.stop(signal.SIGKILL)
    kept = sqlite_rows(store)
    check(kept > 0, "the rows committed before SIGKILL")
    listed = host.netobs("runs", "--store", store, "--json").expect(0).json()["runs"]
    equal([row["finished"] for row in listed], [False], "runs")
    contains(host.netobs("report", "--store", store).expect(1).err, "no summary", "report")


if __name__ == "__main__":
    lab.main(globals())
