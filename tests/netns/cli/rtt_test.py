#!/usr/bin/env python3
"""netobs reflect in one namespace, netobs rtt in another: every option that shapes a run."""

import json
import os
import re
import socket

import lab
from contract import check_contract, check_coverage, points, sqlite_rows, working
from lab import A4, A6, B4, B6, IF_A, check, contains, equal

SOME = ["--count", "200", "--interval", "500us"]
KERNEL = {"tx_sched", "tx_software", "rx_software"}
TC = {"tc_egress", "tc_ingress"}
PCAP = {"pcap_tx", "pcap_rx"}


def measured(host, *args, sent=200, least=0.99):
    document = check_contract(host.rtt(*args), sent=sent)
    check_coverage(document, least)
    equal(document["probes"]["received"], document["probes"]["sent"], f"answers of {args}")
    return document


def test_addresses_and_names(host):
    os.makedirs(f"/etc/netns/{host.a}")
    try:
        # ip netns exec puts this file in the place of /etc/hosts.
        with open(f"/etc/netns/{host.a}/hosts", "w", encoding="ascii") as hosts:
            hosts.write(f"127.0.0.1 localhost\n{B4} four.test\n{B6} six.test\n"
                        f"{B4} both.test\n{B6} both.test\n")
        with host.reflector():
            for target, families, shown in (
                    (B4, [], f"{B4}:862"), (f"{B4}:862", ["-4"], f"{B4}:862"),
                    (B6, [], f"[{B6}]:862"), (f"[{B6}]:862", ["-6"], f"[{B6}]:862"),
                    ("four.test", [], f"{B4}:862"), ("six.test:862", [], f"[{B6}]:862"),
                    ("both.test", ["-4"], f"{B4}:862"), ("both.test", ["-6"], f"[{B6}]:862")):
                document = measured(host, target, *families, *SOME)
                equal(document["run"]["target"], shown, f"target of {target} {families}")
                check(document["rtt_ns"]["tc"], f"no tc round trip over {target}")
            refused = host.rtt(B4, "-6", *SOME, status=1)
            contains(refused.err, B4, "an IPv4 address with -6")
    finally:
        os.remove(f"/etc/netns/{host.a}/hosts")
        os.rmdir(f"/etc/netns/{host.a}")


def test_schedules(host):
    with host.reflector():
        for options, name in ((["--ping-pong"], "ping-pong"), (["--poisson", "300us"], "Poisson"),
                              (["--rate", "4kpps"], "isochronous"),
                              (["--interval", "1ms"], "isochronous")):
            document = measured(host, B4, "--count", "200", *options)
            contains(document["run"]["schedule"].lower(), name.lower(), f"schedule of {options}")
        # A reflector that stands still for a moment loses some at this rate: this is about the schedule.
        probes = check_contract(host.rtt(B4, "--rate", "20kpps", "--duration", "2s"))["probes"]
        check(probes["received"] >= 0.5 * probes["sent"], str(probes))
        equal(probes["sent"] + probes["skipped"], 40_000, "intended probes at 20 kpps for 2 s")
        document = measured(host, B4, "--duration", "100ms", "--interval", "1ms", sent=None)
        equal(document["probes"]["sent"] + document["probes"]["skipped"], 100, "100 ms at 1 ms")
        same = [measured(host, B4, "--poisson", "300us", "--seed", "42", "--count", "50", sent=50)
                for _ in range(2)]
        equal(same[0]["run"]["schedule"], same[1]["run"]["schedule"], "a seeded schedule")


def test_how_it_measures(host):
    with host.reflector():
        for transport in ("io_uring", "syscall"):
            for wait in ("spin", "block", "hybrid"):
                document = measured(host, B4, *SOME, "--transport", transport, "--wait", wait)
                equal((document["run"]["transport"], document["run"]["wait"]), (transport, wait),
                      "what the summary says of it")
        document = measured(host, B4, *SOME, "--cpu", "0")
        equal(document["run"]["cpu"], "0", "the CPU")
        refused = host.rtt(B4, *SOME, "--cpu", "4095", status=1)
        contains(refused.err, "4095", "a CPU that is not there")


def test_layers(host):
    with host.reflector():
        for side in ("sender", "reflector"):
            document = measured(host, B4, *SOME, "--layers", "app")
            equal(working(document, side), {"app_tx", "app_rx"}, f"{side}, --layers app")
            document = measured(host, B4, *SOME, "--layers", "app,kernel")
            equal(working(document, side), {"app_tx", "app_rx"} | KERNEL, f"{side}, app,kernel")
            document = measured(host, B4, *SOME, "--layers", "tc,auto")
            check(working(document, side) >= TC | KERNEL, f"{side}, tc,auto: {working(document, side)}")
        for name, row in points(document, "sender").items():
            asked = ("on", "unsupported", "not_on_path") if name not in PCAP else ("not_requested",)
            check(row["status"] in asked, f"{name}: {row}")
        refused = host.rtt(B4, *SOME, "--layers", "nonsense", status=2)
        contains(refused.err, "nonsense", "an unknown layer")
        refused = host.rtt(B4, *SOME, "--layers", "nic", status=5)
        contains(refused.err, "nic", "a layer that veth does not have")


def test_sizes(host):
    with host.reflector():
        for size in (44, 216, 1400):
            for target in (B4, B6):
                document = measured(host, target, *SOME, "--size", str(size))
                equal(document["run"]["size_bytes"], size, "size")
        # Room for Follow-Up Telemetry only: a transmit time comes with the next reply if it is known by
        # then, which is the peer's race. What is missing is accounted for, the rest is complete.
        for target in (B4, B6):
            document = check_contract(host.rtt(target, *SOME, "--size", "64"), sent=200)
            document["points"] = [row for row in document["points"]
                                  if (row["host"], row["point"]) != ("reflector", "tx_software")]
            check_coverage(document, least=0.99)
        # Less than the Net Obs TLV: the reflector's layers cannot come back, its T2 and T3 do.
        small = measured(host, B4, *SOME, "--size", "44")
        equal(working(small, "reflector"), {"app_rx", "app_tx"}, "reflector's points in 44 bytes")
        # Beyond the MTU with the don't-fragment bit: refused by name, and no endless run.
        refused = host.rtt(B4, "--count", "5", "--size", "3000", status=1)
        contains(refused.err, "--size 1472", "a probe beyond the MTU")
        measured(host, B4, *SOME, "--size", "1472")
        refused = host.rtt(B6, "--count", "5", "--size", "1472", status=1)
        contains(refused.err, "--size 1452", "a probe beyond the MTU, IPv6")


def captured_tos(host, target, *options):
    """The TOS or traffic class octets of the probes as they arrive in B."""
    with host.inside(host.b):
        tap = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))
    with tap:
        tap.settimeout(0.2)
        measured(host, target, "--count", "20", *options, sent=20)
        seen = set()
        try:
            while True:
                packet = tap.recv(2048)
                if packet[0] >> 4 == 4 and packet[9] == 17 and packet[22:24] == b"\x03\x5e":
                    seen.add((packet[1], packet[8]))
                if packet[0] >> 4 == 6 and packet[6] == 17 and packet[42:44] == b"\x03\x5e":
                    seen.add(((packet[0] & 15) << 4 | packet[1] >> 4, packet[7]))
        except TimeoutError:
            return seen


def test_dscp_and_ttl_on_the_wire(host):
    with host.reflector():
        for target in (B4, B6):
            equal(captured_tos(host, target, "--dscp", "46"), {(46 << 2, 255)}, f"{target}: TOS, TTL")
            equal(captured_tos(host, target), {(0, 255)}, f"{target}: TOS, TTL by default")


def test_bind_and_interface(host):
    with host.reflector():
        for options in (["--bind", A4], ["--interface", IF_A], ["--bind", A4, "--interface", IF_A]):
            measured(host, B4, *SOME, *options)
        measured(host, B6, *SOME, "--bind", A6)
        contains(host.rtt(B4, *SOME, "--bind", "198.18.99.99", status=1).err, "198.18.99.99", "bind")
        contains(host.rtt(B4, *SOME, "--interface", "none0", status=2).err, "none0", "interface")
        host.rtt(B4, *SOME, "--bind", A6, status=1)  # the families differ


def test_reflector_listen(host):
    for listen, target in ((f"{B4}:8620", f"{B4}:8620"), (":8620", f"[{B6}]:8620"),
                           (f"[{B6}]:8620", f"[{B6}]:8620"), (B4, B4)):
        with host.reflector("--listen", listen):
            measured(host, target, *SOME)
    with host.reflector("--interface", lab.IF_B, "--wait", "spin", "--cpu", "0", "--stateless"):
        measured(host, B4, *SOME)
    with host.reflector("--allow", "198.18.7.0/30") as process:
        measured(host, B4, *SOME)
        contains(host.rtt(B6, *SOME, status=1).err, "no answer", "a source that is not allowed")
        contains(process.stop().out, "dropped", "counters")
    with host.reflector("--layers", "app,kernel"):
        document = measured(host, B4, *SOME)
        equal(working(document, "reflector"), {"app_tx", "app_rx"} | KERNEL, "reflector's points")
        contains(host.rtt(B4, *SOME, "--layers", "tc", status=5).err, "reflector", "tc by name")


def test_outputs(host):
    with host.reflector():
        text = host.netobs("rtt", B4, *SOME, "--no-store", namespace=host.a).expect(0)
        contains(text.out, "sent 200", "summary")
        check("\x1b" not in text.out and text.err == "", f"a pipe gets plain text only: {text.err}")
        quiet = host.netobs("rtt", B4, *SOME, "--no-store", "--quiet", namespace=host.a).expect(0)
        equal((quiet.out, quiet.err), ("", ""), "--quiet")
        file = host.path("summary.json")
        both = host.netobs("rtt", B4, *SOME, "--no-store", "--json", file, namespace=host.a).expect(0)
        contains(both.out, "sent 200", "summary beside --json FILE")
        with open(file, encoding="utf-8") as written:
            check_contract(json.load(written), sent=200)
        lost = host.netobs("rtt", B4, *SOME, "--no-store", "--json", "/nowhere/x.json",
                           namespace=host.a).expect(1)
        contains(lost.err, "/nowhere/x.json", "a JSON file that cannot be written")
        contains(lost.out, "sent 200", "the summary, all the same")


def test_two_stores(host):
    database, lines = host.path("two.db"), host.path("two.jsonl")
    with host.reflector():
        document = measured(host, B4, *SOME, "--store", database, "--store", f"jsonl:{lines}")
        equal([row["rows_written"] for row in document["store"]], [200, 200], "rows written")
        equal(sqlite_rows(database, document["run"]["id"]), 200, "rows in SQLite")
        with open(lines, encoding="utf-8") as file:
            rows = [json.loads(line) for line in file]
        probes = [row for row in rows if "sequence" in json.dumps(row) and re.search(
            r'"(table|type)": *"probes?"', json.dumps(row))]
        equal(len(probes), 200, f"probe rows in JSON lines (of {len(rows)}, first {rows[:1]})")
        for store in (database, f"jsonl:{lines}"):
            again = host.netobs("report", "--store", store, "--json").expect(0).json()
            equal(again, document, f"report from {store}")
        here = set(os.listdir(host.work))
        measured(host, B4, *SOME, "--no-store")
        new = {name for name in set(os.listdir(host.work)) - here if not name.endswith((".out", ".err"))}
        equal(new, set(), "files of --no-store")


def test_authenticated(host):
    key = host.write("key", "correct horse battery staple\n", 0o600)
    other = host.write("other", "incorrect horse\n", 0o600)
    open_key = host.write("open", "correct horse battery staple\n", 0o644)
    empty = host.write("empty", "\n", 0o600)
    with host.reflector("--auth-key-file", key) as process:
        for target in (B4, B6):
            document = measured(host, target, *SOME, "--auth-key-file", key)
            check(working(document, "reflector") >= KERNEL | TC, "layers in authenticated mode")
        wrong = host.rtt(B4, *SOME, "--auth-key-file", other, status=1)
        contains(wrong.err, "key", "a wrong key")
        contains(host.rtt(B4, *SOME, status=1).err, "no answer", "no key")
        for path in (open_key, empty, host.path("missing")):
            contains(host.rtt(B4, *SOME, "--auth-key-file", path, status=1).err, path, "bad key file")
            refused = host.netobs("reflect", "--auth-key-file", path, namespace=host.b).expect(1)
            contains(refused.err, path, "bad key file of a reflector")
        counters = process.stop()
        contains(counters.out, "dropped", "what failed authentication is counted")
    demo = host.netobs("demo", "--no-store", "--count", "100", "--json", "-").expect(0).json()
    check_contract(demo, sent=100)


def test_several_senders_at_once(host):
    with host.reflector() as process:
        senders = [host.start("rtt", target, "--no-store", "--count", str(count), "--interval", "1ms",
                              "--json", "-", namespace=host.a)
                   for target, count in ((B4, 400), (B4, 500), (B6, 600), (B4, 700))]
        for sender, count in zip(senders, (400, 500, 600, 700), strict=True):
            document = check_contract(sender.wait().expect(0).json(), sent=count)
            equal(document["probes"]["received"], count, "answers to one of several senders")
            check_coverage(document, least=0.99)
        counters = process.stop().expect(0).out
    received, answered, sessions = (int(n) for n in re.search(
        r"received (\d+) +answered (\d+) +sessions (\d+)", counters).groups())
    equal(received, answered, "requests and replies")
    check(answered >= 2200 and sessions >= 4, counters)


if __name__ == "__main__":
    lab.main(globals())
