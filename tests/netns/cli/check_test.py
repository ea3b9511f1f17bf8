#!/usr/bin/env python3
"""netobs check and reflect --iperf3: every item against a real peer, and each way an item can fail."""

import contextlib
import os
import shutil
import signal
import socket
import sqlite3

import lab
from lab import A4, A6, B4, B6, IF_A, IF_B, Skip, check, contains, equal, wait_for

QUICK = ["-t", "1", "--udp-rate", "2M", "--echoes", "20", "--echo-interval", "2ms"]
TESTS = ["tcp_upload", "tcp_download", "udp_upload", "udp_download"]
LOCAL = ["private_ip", "path_mtu", "hops", "latency"]
C4 = "198.18.8.2"
SO_TIMESTAMPING_NEW, RX_SOFTWARE, SOFTWARE = 65, 1 << 3, 1 << 4


def need_iperf3():
    if not shutil.which("iperf3"):
        raise Skip("needs iperf3 (package iperf3)")


def run(host, *args, status=0, wrap=(), store=None, target=B4):
    keep = ["--store", store] if store else ["--no-store"]
    if "--public-ip-url" not in args:
        args = (*args, "--no-public-ip")
    done = host.netobs("check", target, *QUICK, *args, *keep, "--json", "-", namespace=host.a, wrap=wrap)
    document = done.expect(status).json()
    equal(document["schema"], "netobs.check/1", "schema")
    for name, item in document["items"].items():
        check(item["verdict"] in ("fine", "network issue", "host issue", "unknown"), f"{name}: {item}")
        check(item["figures"] is not None or item["reason"], f"{name} says nothing: {item}")
    return document


def row_of(store):
    with contextlib.closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as db:
        db.row_factory = sqlite3.Row
        rows = db.execute("select * from udp_metrics").fetchall()
    equal(len(rows), 1, "rows in udp_metrics")
    return dict(rows[0])


def measured(document, names):
    for name in names:
        check(document["items"][name]["figures"] is not None, f"{name}: {document['items'][name]}")


def failed(document, names, verdict, words):
    for name in names:
        item = document["items"][name]
        equal(item["figures"], None, f"{name} failed, and has figures")
        equal(item["verdict"], verdict, f"verdict of {name} ({item['reason']})")
        contains(item["reason"], words, f"reason of {name}")


@contextlib.contextmanager
def slow_link(host):
    """200 Mbit/s both ways: the link ends before the CPUs do."""
    for name, device in ((host.a, IF_A), (host.b, IF_B)):
        host.sh("tc", "-n", name, "qdisc", "add", "dev", device, "root", "tbf", "rate", "200mbit",
                "burst", "128k", "latency", "50ms")
    try:
        yield
    finally:
        for name, device in ((host.a, IF_A), (host.b, IF_B)):
            host.sh("tc", "-n", name, "qdisc", "del", "dev", device, "root")


def iperf3_servers(host):
    """Process ids of the servers in B."""
    found = []
    for pid in host.sh("ip", "netns", "pids", host.b).split():
        with contextlib.suppress(OSError):
            with open(f"/proc/{pid}/comm", encoding="utf-8") as file:
                if file.read().strip() == "iperf3":
                    found.append(int(pid))
    return found


def listening(host, ports):
    text = host.sh("ip", "netns", "exec", host.b, "ss", "-Hltn")
    return all(f":{port} " in text for port in ports)


@contextlib.contextmanager
def servers(host, *args, ports=(5092, 5093)):
    need_iperf3()
    with host.reflector("--iperf3", *args) as process:
        wait_for(lambda: listening(host, ports), "the iperf3 servers")
        yield process
    equal(iperf3_servers(host), [], "iperf3 after its reflector")


@contextlib.contextmanager
def address_service(host, body):
    """A web server in A that answers /ip with `body`."""
    folder = host.path("www")
    os.makedirs(folder, exist_ok=True)
    host.write("www/ip", body)
    host.env["no_proxy"] = "*"  # libcurl heeds the variables of the environment
    process = host.spawn(["python3", "-u", "-m", "http.server", "--bind", "127.0.0.1", "--directory",
                          folder, "8089"], namespace=host.a)
    try:
        process.wait_until("Serving HTTP", stream=0)
        yield "http://127.0.0.1:8089/ip"
    finally:
        process.abandon()


def fake(host, program, text):
    """The environment in which `program` is this shell script."""
    folder = f"fake{len(host.processes)}"
    os.mkdir(host.path(folder))
    host.write(f"{folder}/{program}", f"#!/bin/sh\n{text}\n", mode=0o755)
    return ["env", f"PATH={host.path(folder)}:{os.environ['PATH']}"]


def test_everything(host):
    store = host.path("everything.db")
    with servers(host), slow_link(host), address_service(host, "203.0.113.7\n") as url:
        document = run(host, "--public-ip-url", url, store=store)
        text = host.netobs("check", B4, *QUICK, "--no-throughput", "--no-public-ip", "--no-store",
                           namespace=host.a).expect(0)
    items = document["items"]
    measured(document, list(items))
    equal(items["private_ip"]["figures"], {"address": A4, "interface": IF_A}, "private_ip")
    equal(items["path_mtu"]["figures"], {"bytes": 1500, "confirmed": True}, "path_mtu")
    equal(items["hops"]["figures"], {"count": 0, "ttl": 64}, "hops")
    latency = items["latency"]["figures"]
    equal((latency["sent"], latency["received"], latency["loss"]), (20, 20, 0), "echoes")
    # The kernel switches receive timestamps on a moment after it was asked to.
    check(latency["kernel_stamped"] >= 15, f"echoes between kernel timestamps: {latency}")
    check(0 < latency["min_ns"] <= latency["p50_ns"] <= latency["p90_ns"] <= latency["max_ns"], str(latency))
    check(latency["jitter_ns"] >= 0, str(latency))
    for name in TESTS:
        figures = items[name]["figures"]
        least, most = (20e6, 210e6) if name.startswith("tcp") else (0.5e6, 2.5e6)
        check(least < figures["received_bps"] < most, f"{name}: {figures}")
        check(figures["local_cpu_percent"] is not None and figures["remote_cpu_percent"] is not None, name)
        key = "retransmits" if name.startswith("tcp") else "jitter_ns"
        check(figures[key] >= 0, f"{name}: {figures}")
    equal(items["public_ip"]["figures"], {"address": "203.0.113.7"}, "public_ip")
    row = row_of(store)
    equal(row["public_ip"], "203.0.113.7", "public_ip in the row")
    equal(f"{row['run_id']:016x}", document["id"], "id of the row")
    equal((row["target"], row["private_ip"], row["interface"], row["path_mtu_bytes"], row["hop_count"],
           row["icmp_received"], row["dns_ns"]), (B4, A4, IF_A, 1500, 0, 20, None), "the row")
    equal(row["icmp_max_ns"], latency["max_ns"], "icmp_max_ns")
    for name in TESTS:
        equal(row[f"{name}_bps"], items[name]["figures"]["received_bps"], f"{name} in the row")
    contains(row["document"], '"netobs.check/1"', "document")
    for words in ("private IP    fine", "latency       fine", "TCP upload    unknown        not measured",
                  "thresholds"):
        contains(text.out, words, "the text")


def test_public_address(host):
    base = ["check", B4, "--no-throughput", "--echoes", "1", "--no-store", "--json", "-", "--public-ip-url"]
    with address_service(host, "203.0.113.7\n") as url:
        found = host.netobs(*base, url, namespace=host.a).expect(0).json()["items"]["public_ip"]
        equal((found["verdict"], found["figures"]), ("fine", {"address": "203.0.113.7"}), "public_ip")
        for body, words in (("<html>login</html>", "something else"), ("x" * 1000, "more than an address")):
            host.write("www/ip", body)
            done = host.netobs(*base, url, namespace=host.a).expect(0).json()
            failed(done, ["public_ip"], "unknown", words)
            measured(done, LOCAL)
    done = host.netobs(*base, "https://198.19.0.1/", namespace=host.a).expect(0).json()
    failed(done, ["public_ip"], "unknown", "198.19.0.1")
    host.netobs(*base, "file:///etc/hostname", namespace=host.a).expect(2)


def test_ipv6(host):
    with servers(host), slow_link(host):
        document = run(host, target=B6)
    measured(document, [*LOCAL, *TESTS])
    equal(document["items"]["private_ip"]["figures"]["address"], A6, "private_ip")
    equal(document["items"]["hops"]["figures"]["count"], 0, "hops")
    equal(document["items"]["path_mtu"]["figures"], {"bytes": 1500, "confirmed": True}, "path_mtu")


def test_router_with_a_smaller_link(host):
    """A third host behind B: one hop away, over a link of 1300 bytes."""
    name = f"netobs-e2e-c{os.getpid()}"
    host.sh("ip", "netns", "add", name)
    host.namespaces.append(name)
    host.sh("ip", "link", "add", "vd", "netns", host.b, "mtu", "1300", "type", "veth", "peer", "name", "ve",
            "mtu", "1300", "netns", name)
    host.sh("ip", "-n", host.b, "addr", "add", "198.18.8.1/30", "dev", "vd")
    host.sh("ip", "-n", name, "addr", "add", f"{C4}/30", "dev", "ve")
    host.sh("ip", "-n", host.b, "link", "set", "vd", "up")
    host.sh("ip", "-n", name, "link", "set", "ve", "up")
    host.sh("ip", "-n", name, "route", "add", "default", "via", "198.18.8.1")
    host.sh("ip", "-n", host.a, "route", "add", "198.18.8.0/30", "via", B4)
    host.sh("ip", "netns", "exec", host.b, "sysctl", "-qw", "net.ipv4.ip_forward=1")
    try:
        document = run(host, "--no-throughput", target=C4)
    finally:
        host.sh("ip", "-n", host.a, "route", "del", "198.18.8.0/30")
        host.sh("ip", "netns", "exec", host.b, "sysctl", "-qw", "net.ipv4.ip_forward=0")
        host.sh("ip", "netns", "del", name)
        host.namespaces.remove(name)
    equal(document["items"]["path_mtu"]["figures"], {"bytes": 1300, "confirmed": True}, "path_mtu")
    equal(document["items"]["hops"]["figures"]["count"], 1, "hops")


def test_ways_to_send_echoes(host):
    """Raw with privilege, a datagram socket where the group may, else ping, else the reason."""
    only = ["--no-throughput"]
    nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    if not shutil.which("setpriv"):
        raise Skip("needs setpriv (package util-linux)")
    os.chmod(host.work, 0o755)
    binary = host.path("netobs-copy")  # the build folder may be closed to others
    shutil.copy(host.binary, binary)
    os.chmod(binary, 0o755)
    host.binary, built = binary, host.binary
    try:
        with receive_times(host):
            echo_ways(host, only, nobody)
    finally:
        host.binary = built
        os.chmod(host.work, 0o700)


@contextlib.contextmanager
def receive_times(host):
    """The kernel stamps arrivals while anybody asks for it, and begins a moment after the first who does."""
    with host.udp(host.a, A4) as udp:
        udp.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPING_NEW, RX_SOFTWARE | SOFTWARE)

        def stamped():
            udp.sendto(b"?", udp.getsockname())
            return udp.recvmsg(1, 256)[1]

        wait_for(stamped, "a receive time")
        yield


def echo_ways(host, only, nobody):
    def groups(text):
        host.sh("ip", "netns", "exec", host.a, "sysctl", "-qw", f"net.ipv4.ping_group_range={text}")

    for target in (B4, B6):
        groups("1 0")
        figures = run(host, *only, target=target)["items"]["latency"]["figures"]
        equal((figures["method"], figures["received"]), ("ICMP raw socket", 20), f"as root, {target}")
        groups("0 2147483647")
        for wrap in ([], nobody):
            figures = run(host, *only, target=target, wrap=wrap)["items"]["latency"]["figures"]
            equal((figures["method"], figures["received"]), ("ICMP datagram socket", 20), f"{wrap} {target}")
            check(figures["kernel_stamped"] >= 15, f"{wrap} {target}: {figures}")
    groups("1 0")
    ping = fake(host, "ping", "echo '64 bytes from x: icmp_seq=1 ttl=63 time=0.25 ms'\n"
                              "echo '2 packets transmitted, 1 received, 50% packet loss, time 1ms'")
    document = run(host, *only, wrap=[*ping, *nobody])
    figures = document["items"]["latency"]["figures"]
    equal((figures["method"], figures["loss"], figures["max_ns"]), ("ping", 0.5, 250_000), "with ping")
    equal(document["items"]["latency"]["verdict"], "network issue", "verdict of half the echoes lost")
    document = run(host, *only, wrap=[*nobody, "env", "PATH=/nonexistent"], status=1)
    failed(document, ["latency"], "unknown", "ping cannot help")
    measured(document, ["private_ip", "path_mtu"])


def test_no_iperf3(host):
    store = host.path("without.db")
    document = run(host, store=store, wrap=["env", "PATH=/nonexistent"])
    failed(document, TESTS, "unknown", "Install the package iperf3")
    measured(document, LOCAL)
    row = row_of(store)
    equal((row["tcp_upload_bps"], row["icmp_received"]), (None, 20), "the row without iperf3")
    refused = host.netobs("reflect", "--iperf3", namespace=host.b, wrap=["env", "PATH=/nonexistent"]).expect(1)
    contains(refused.err, "Install the package iperf3", "reflect without iperf3")


def test_refused_port(host):
    need_iperf3()
    document = run(host, "--ports", "5998,5999")
    failed(document, TESTS, "host issue", "Connection refused")
    measured(document, LOCAL)


def test_output_that_is_no_result(host):
    for script, words in (("echo 'this is { no JSON'", "no JSON object"), ("exit 3", "no JSON object"),
                          ("echo broken >&2; exit 1", "broken"), ("echo '{\"end\": {}}'", "no sum"),
                          ("exec yes", "more than 1048576 bytes")):
        document = run(host, wrap=fake(host, "iperf3", script))
        failed(document, TESTS, "unknown", words)
        measured(document, LOCAL)


def test_hanging_server(host):
    """The first test hangs and is killed with all that it started; the others are measured."""
    marker = host.path("hangs")
    script = fake(host, "iperf3", f"if mkdir {marker} 2>/dev/null; then sleep 1000 & sleep 1000; fi\n"
                                  f"exec {shutil.which('iperf3')} \"$@\"")
    with servers(host), slow_link(host):
        document = run(host, wrap=script)
    failed(document, TESTS[:1], "unknown", "was killed")
    measured(document, [*LOCAL, *TESTS[1:]])
    names = []
    for pid in host.sh("ip", "netns", "pids", host.a).split():
        with contextlib.suppress(OSError):
            with open(f"/proc/{pid}/comm", encoding="utf-8") as file:
                names.append(file.read().strip())
    equal(names, [], "processes left behind")


def test_interrupt_keeps_what_was_measured(host):
    store, marker = host.path("interrupted.db"), host.path("started")
    script = fake(host, "iperf3", f"mkdir {marker}; sleep 1000")
    process = host.start("check", B4, *QUICK, "--no-public-ip", "--store", store, "--json", "-", namespace=host.a, wrap=script)
    wait_for(lambda: os.path.isdir(marker), "the first iperf3")
    document = process.stop(signal.SIGINT).expect(0).json()
    equal(document["interrupted"], True, "interrupted")
    measured(document, LOCAL)
    for name in TESTS:
        equal(document["items"][name]["reason"], "not measured", name)
    equal(row_of(store)["icmp_received"], 20, "the row")


def test_nothing_can_be_measured(host):
    for target, item, words in (("198.19.0.1", "private_ip", "unreachable"), ("no.such.host.invalid", "dns", "resolve")):
        document = run(host, target=target, status=1)
        check(document["items"][item]["verdict"] != "fine", str(document["items"][item]))
        contains(document["items"][item]["reason"], words, f"reason of {item}")
    for command in (["check"], ["check", ""], ["check", B4, "--udp-rate", "fast"], ["check", B4, "--ports", "1"],
                    ["check", B4, "-t", "0"], ["check", B4, "--echo-interval", "1us"],
                    ["reflect", "--iperf3-ports", "1,2"]):
        refused = host.netobs(*command).expect(2)
        equal(refused.out, "", f"stdout of {command}")


def test_servers_are_looked_after(host):
    """One that dies comes back; all go with the reflector, even if that is killed."""
    ports = (6092, 6093)
    with servers(host, "--iperf3-ports", "6092,6093", ports=ports) as process:
        before = iperf3_servers(host)
        equal(len(before), 2, "servers")
        os.kill(before[0], signal.SIGKILL)
        process.wait_until("ended with status 137")
        wait_for(lambda: len(iperf3_servers(host)) == 2 and listening(host, ports), "a new server")
        process.send(signal.SIGKILL)
        process.wait()
        wait_for(lambda: not iperf3_servers(host), "the end of the servers")


if __name__ == "__main__":
    lab.main(globals())
