#!/usr/bin/env python3
"""netobs demo, and what report, runs and db make of the run it stored."""

import glob
import json
import os

import lab
from contract import (check_contract, check_coverage, check_sum_of_segments, check_tables, points, sqlite_rows,
                      working)
from lab import check, contains, equal

PROBES = 3000


def traces(host):
    """What a run could leave on the machine, and tests that run beside this one do not make."""
    spaces = [line.split()[0] for line in host.sh("ip", "netns", "list").splitlines()]
    links = [line.split(":")[1].strip() for line in host.sh("ip", "-o", "link").splitlines()]
    with open("/proc/net/udp", encoding="ascii") as table:
        ports = [line.split()[1].rpartition(":")[2] for line in table]
    return {
        "namespaces": sorted(name for name in spaces if name.startswith("netobs")
                             and not name.startswith(("netobs-e2e-", "netobs-gate-"))),
        "links": sorted(name for name in links if name.startswith(("va", "vb"))),
        "filters": host.sh("tc", "filter", "show", "dev", "lo"),
        "qdisc": host.sh("tc", "qdisc", "show", "dev", "lo"),
        "port 862": ports.count("035E"),
    }


def processes_in(folder):
    """Processes whose working folder is ours."""
    found = []
    for link in glob.glob("/proc/[0-9]*/cwd"):
        try:
            if os.readlink(link) == folder:
                found.append(link)
        except OSError:
            pass
    return found


def test_demo_and_its_reports(host):
    before = traces(host)
    summary = host.path("demo.json")
    live = host.netobs("demo", "--count", str(PROBES), "--interval", "500us", "--json",
                       summary).expect(0)
    equal(traces(host), before, "what is on the machine afterwards")
    equal(processes_in(host.work), [], "processes left behind")
    equal(live.err, "", "stderr in a pipe")

    with open(summary, encoding="utf-8") as file:
        document = check_contract(json.load(file), sent=PROBES)
    equal(document["probes"]["received"], PROBES, "answered")
    check_coverage(document)
    check(document["rtt_ns"]["app"], "no application round trip")
    run_id = document["run"]["id"]

    store = host.path("netobs.db")
    equal(sqlite_rows(store, run_id), PROBES, "rows in the default store")
    check_tables(store, document)
    equal(document["store"], [{"url": document["store"][0]["url"], "rows_written": PROBES,
                               "rows_spilled": 0, "rows_lost": 0}], "store")

    for way in ([], ["--from-rows"]):
        again = host.netobs("report", "last", *way).expect(0)
        check(again.out == live.out, f"report {way} differs from the live one:\n{live.out}\n{again.out}")
        again = host.netobs("report", run_id[:6], "--json", *way).expect(0).json()
        equal(again, document, f"report --json {way}")
    markdown = host.netobs("report", "--markdown").expect(0).out
    contains(markdown, "|", "Markdown")
    contains(markdown, "tc", "Markdown")
    contains(host.netobs("runs").expect(0).out, run_id, "runs")
    listed = host.netobs("runs", "--json").expect(0).json()["runs"]
    equal([(row["id"], row["sent"], row["finished"]) for row in listed], [(run_id, PROBES, True)],
          "runs --json")
    status = host.netobs("db", "status", "--json").expect(0).json()
    equal((status["tables"]["probes"], status["spooled_rows"]), (PROBES, 0), "db status")


def test_every_point_that_doctor_found_is_measured(host):
    doctor = host.netobs("doctor", "--json").expect(0).json()
    works = {(row["host"], row["point"]) for row in doctor["points"] if row["works"]}
    check({("sender", "app_tx"), ("reflector", "app_rx"), ("sender", "tx_software")} <= works, str(works))
    for row in doctor["points"]:
        check(row["works"] or row["how"], f"{row} says not why")
    document = check_contract(host.netobs("demo", "--count", "1000", "--no-store", "--json", "-",
                                          "--layers", "pcap,auto")
                              .expect(0).json(), sent=1000)
    measured = {(side, point) for side in ("sender", "reflector") for point in working(document, side)}
    equal(sorted(works - measured), [], "points that work over loopback but were not measured")
    check_coverage(document)
    if all(row["captured"] == 1000 for row in document["points"] if row["status"] == "on"):
        check_sum_of_segments(document)
    equal(points(document, "sender")["tx_hardware"]["requested"], 0, "tx_hardware on veth")


def test_demo_modes(host):
    for options in (["--ping-pong", "--wait", "spin"], ["--poisson", "500us", "--seed", "7"],
                    ["--duration", "300ms", "--transport", "syscall"]):
        count = [] if "--duration" in options else ["--count", "200"]
        document = check_contract(host.netobs("demo", "--no-store", "--json", "-", *count, *options)
                                  .expect(0).json(), sent=None if not count else 200)
        check_coverage(document, least=0.99)
        check(document["probes"]["received"] > 0, f"demo {options} measured nothing")


def test_help(host):
    for command in ([], ["demo"], ["rtt"], ["reflect"], ["report"], ["runs"], ["doctor"], ["db"],
                    ["selftest"], ["check"], ["compare"], ["gate"], ["db", "init"], ["db", "status"], ["db", "flush"]):
        shown = host.netobs(*command, "--help").expect(0)
        contains(shown.out, "Usage:", f"help of {command}")
        equal(shown.err, "", f"help of {command} on stderr")
    contains(host.netobs("--version").expect(0).out, ".", "version")


def test_usage_errors(host):
    for command in ([], ["nonsense"], ["rtt"], ["rtt", "127.0.0.1", "--nonsense"],
                    ["rtt", "127.0.0.1", "--size", "20"], ["rtt", "127.0.0.1", "--count", "0"],
                    ["rtt", "127.0.0.1", "--interval", "soon"], ["rtt", "127.0.0.1", "--rate", "-1"],
                    ["rtt", "127.0.0.1", "--interval", "1ms", "--ping-pong"],
                    ["rtt", "127.0.0.1", "--dscp", "64"], ["rtt", "127.0.0.1", "--wait", "idle"],
                    ["rtt", "127.0.0.1", "--layers", "nonsense"], ["rtt", "127.0.0.1:0"],
                    ["rtt", "127.0.0.1:x"], ["rtt", "[::1"], ["rtt", ""],
                    ["rtt", "127.0.0.1", "--transport", "pigeon"],
                    ["rtt", "127.0.0.1", "--without", "nonsense"],
                    ["rtt", "127.0.0.1", "--store", "mysql://"], ["rtt", "127.0.0.1", "-4", "-6"],
                    ["reflect", "--layers", "nonsense"], ["reflect", "--allow", "198.18.0.0/33"],
                    ["reflect", "--listen", "127.0.0.1:99999"], ["reflect", "--wait", "hybrid"],
                    ["report", "--json", "--markdown"], ["db"], ["demo", "--timeout", "never"]):
        refused = host.netobs(*command).expect(2)
        equal(refused.out, "", f"stdout of {command}")
        check(refused.err, f"{command} was refused without a word")


if __name__ == "__main__":
    lab.main(globals())
