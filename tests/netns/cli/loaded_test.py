#!/usr/bin/env python3
"""netobs check --loaded: in which segment a full link's queue is found, and each way it cannot be looked for."""

import contextlib
import json
import os
import shutil
import signal

import lab
from check_test import LOCAL, fake, measured, need_iperf3, row_of, servers
from lab import A4, B4, B6, IF_A, IF_B, Skip, check, contains, equal, wait_for

QUICK = ["--no-throughput", "--no-public-ip", "--echoes", "5", "--echo-interval", "2ms"]
LOADED = ["--loaded", "--loaded-time", "2s"]
LOADS = ["upload", "download"]


def run(host, *args, status=0, wrap=(), store=None, target=B4):
    keep = ["--store", store] if store else ["--no-store"]
    done = host.netobs("check", target, *QUICK, *LOADED, *args, *keep, "--json", "-", namespace=host.a, wrap=wrap)
    document = done.expect(status).json()
    for name, item in document["loaded"]["items"].items():
        check(item["figures"] is not None or item["reason"], f"{name} says nothing: {item}")
    return document


def unknown(loaded, names, words):
    for name in names:
        item = loaded["items"][name]
        equal((item["verdict"], item["figures"]), ("unknown", None), f"{name} ({item['reason']})")
        contains(item["reason"], words, f"reason of {name}")


def idle_is_there(loaded):
    figures = loaded["items"]["idle"]["figures"]
    check(figures is not None, str(loaded["items"]["idle"]))
    equal(figures["iperf3"], None, "iperf3 beside the idle run")
    check(100 <= figures["received"] <= 200, f"200 probes on an idle link: {figures}")
    check(loaded["views"]["app"]["idle"]["p50_ns"] > 0, str(loaded["views"]["app"]))


def programs(namespace, host):
    names = []
    for pid in host.sh("ip", "netns", "pids", namespace).split():
        with contextlib.suppress(OSError):
            with open(f"/proc/{pid}/comm", encoding="utf-8") as file:
                names.append(file.read().strip())
    return names


@contextlib.contextmanager
def bottleneck(host, name, device):
    """50 Mbit/s out of this device, behind a queue of 100 ms, and a TCP that fills queues: what the
    machine has chosen may be BBR, which keeps them short."""
    host.sh("ip", "netns", "exec", name, "sysctl", "-qw", "net.ipv4.tcp_congestion_control=reno")
    host.sh("tc", "-n", name, "qdisc", "add", "dev", device, "root", "tbf", "rate", "50mbit",
            "burst", "32k", "latency", "100ms")
    try:
        yield
    finally:
        host.sh("tc", "-n", name, "qdisc", "del", "dev", device, "root")


def queue_is_in(loaded, phase, where):
    """The queue shows in the qdisc of that host, there only, and not while idle."""
    item = loaded["items"][phase]
    equal(item["verdict"], "host issue", f"{phase}: {item}")
    contains(item["reason"], f"the {where}'s qdisc", "reason")
    most = item["figures"]["grew_most"]
    equal(most["host"], where, "whose segment grew most")
    check(most["p50_increase_ns"] > 10e6, f"a queue of 100 ms: {most}")
    check(20e6 < item["figures"]["iperf3"]["received_bps"] < 60e6, f"{item}")
    row = [row for row in loaded["segments"] if row["key"] == most["key"]][0]
    check(row["idle"]["p50_ns"] * 10 < row[phase]["p50_ns"], f"idle: {row}")
    whole = loaded["views"]["app"][phase]["p50_increase_ns"]
    check(most["p50_increase_ns"] > whole / 2, f"{most} of {whole} ns")
    for other in loaded["segments"]:
        if other is row or not other[phase] or not other["idle"]:
            continue
        grown = other[phase]["p50_increase_ns"]
        check(grown < most["p50_increase_ns"] / 2, f"{other['key']} grew by {grown} ns, too")


def test_queue_of_the_sender(host):
    store = host.path("loaded.db")
    with servers(host), bottleneck(host, host.a, IF_A):
        document = run(host, store=store)
    loaded = document["loaded"]
    idle_is_there(loaded)
    equal(loaded["items"]["idle"]["verdict"], "fine", f"idle: {loaded['items']['idle']}")
    queue_is_in(loaded, "upload", "sender")
    check(loaded["items"]["download"]["figures"]["iperf3"]["received_bps"] > 20e6, "download")
    for view in ("app", "kernel", "tc"):
        figures = loaded["views"][view]
        check(figures["idle"]["p50_ns"] <= figures["idle"]["p99_ns"], f"{view}: {figures}")
    # tc sees the probe before the qdisc, the kernel's own timestamp comes after it.
    check(loaded["views"]["tc"]["upload"]["p50_increase_ns"] > 10e6, str(loaded["views"]["tc"]))
    check(loaded["views"]["kernel"]["upload"]["p50_ns"] < loaded["views"]["tc"]["upload"]["p50_ns"] / 2,
          str(loaded["views"]))
    equal(json.loads(row_of(store)["document"]), document, "the stored document")
    measured(document, LOCAL)


def test_queue_of_the_reflector_and_ipv6(host):
    with servers(host), bottleneck(host, host.b, IF_B):
        loaded = run(host, target=B6)["loaded"]
    queue_is_in(loaded, "download", "reflector")


def test_text(host):
    with servers(host), bottleneck(host, host.a, IF_A):
        text = host.netobs("check", B4, *QUICK, *LOADED, "--no-store", namespace=host.a).expect(0).out
    for words in ("latency under load: runs of 2 s", "\nidle          fine", "\nupload        host issue",
                  "added by the load", "application", "qdisc"):
        contains(text, words, "the text")
    plain = " ".join(text.split())  # paragraphs may break anywhere
    for words in ("Mbit/s; the queue is in the sender's qdisc", "grows by 5.00 ms"):
        contains(plain, words, "the text")
    check(max(map(len, text.splitlines())) <= 80, text)


def test_no_server_no_program(host):
    with host.reflector():
        document = run(host)
        without = run(host, wrap=["env", "PATH=/nonexistent"])
    for found, words in ((document, "Connection refused"), (without, "Install the package iperf3")):
        idle_is_there(found["loaded"])
        unknown(found["loaded"], LOADS, words)
        measured(found, LOCAL)


def test_no_reflector(host):
    document = run(host, "--reflector-port", "5999")
    unknown(document["loaded"], ["idle", *LOADS], "port 5999")
    equal(document["loaded"]["segments"], [], "segments")
    measured(document, LOCAL)


def test_load_that_does_not_last(host):
    """Probes count only if iperf3 was at work from the first to the last."""
    need_iperf3()
    real = shutil.which("iperf3")
    cases = (("sleep 1000", "did not connect"), (f'exec {real} "$@" --time 2', "would have covered every probe"),
             (f'timeout -s KILL 2 {real} "$@"', "no JSON object"))
    with servers(host), bottleneck(host, host.a, IF_A), bottleneck(host, host.b, IF_B):
        for script, words in cases:
            loaded = run(host, wrap=fake(host, "iperf3", script))["loaded"]
            idle_is_there(loaded)
            unknown(loaded, LOADS, words)
            equal(programs(host.a, host), [], f"left behind by {script}")


def test_interrupt(host):
    store = host.path("interrupted.db")
    with servers(host), bottleneck(host, host.a, IF_A):
        process = host.start("check", B4, *QUICK, "--loaded", "--loaded-time", "8s", "--store", store, "--json",
                             "-", namespace=host.a)
        wait_for(lambda: "iperf3" in programs(host.a, host), "iperf3", deadline_s=40)
        document = process.send(signal.SIGINT).wait(timeout_s=15).expect(0).json()
        equal(programs(host.a, host), [], "programs left behind")
    equal(document["interrupted"], True, "interrupted")
    items = document["loaded"]["items"]
    check(items["idle"]["figures"]["received"] > 600, str(items["idle"]))
    for name in LOADS:
        equal(items[name]["reason"], "not measured", name)
    equal(json.loads(row_of(store)["document"]), document, "the stored document")


def test_without_root(host):
    if not shutil.which("setpriv"):
        raise Skip("needs setpriv (package util-linux)")
    os.chmod(host.work, 0o755)
    copy, built = host.path("netobs-copy"), host.binary  # the build folder may be closed to others
    shutil.copy(built, copy)
    os.chmod(copy, 0o755)
    host.binary = copy
    try:
        with servers(host), bottleneck(host, host.a, IF_A):
            loaded = run(host, wrap=["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"])["loaded"]
    finally:
        host.binary = built
        os.chmod(host.work, 0o700)
    idle_is_there(loaded)
    equal(loaded["views"]["tc"]["idle"], None, "the tc layer without root")
    check(loaded["views"]["kernel"]["idle"] is not None, str(loaded["views"]))
    queue_is_in_part = loaded["items"]["upload"]
    equal(queue_is_in_part["verdict"], "host issue", str(queue_is_in_part))
    equal(queue_is_in_part["figures"]["grew_most"]["host"], "sender", str(queue_is_in_part))
    contains(queue_is_in_part["figures"]["grew_most"]["label"], "qdisc", "the segment that holds the qdisc")


def test_usage(host):
    for args in (["--loaded-time", "1ms"], ["--loaded-time", "1h"], ["--reflector-port", "0"], ["--loaded-time", "x"]):
        equal(host.netobs("check", A4, "--loaded", *args).expect(2).out, "", f"stdout of {args}")


if __name__ == "__main__":
    lab.main(globals())
