#!/usr/bin/env python3
"""Hosts that are not there, interfaces that go away, ports in use, noise on the wire, and overload."""

import random
import re
import struct
import time

import lab
from contract import check_contract, check_coverage, check_tables, sqlite_rows
from lab import A4, B4, B6, IF_A, IF_B, Background, check, contains, equal, wait_for

SOME = ["--count", "200", "--interval", "500us"]


def test_unknown_host(host):
    for name in ("no-such-host.invalid", "999.1.2.3", "x" * 300, "198.18.7.2;id", "fd00::zz"):
        refused = host.rtt(name, "--count", "5", status=1)
        contains(refused.err, name[:60], "the name")
        equal(refused.out, "", "stdout")


def test_closed_port(host):
    for target in (B4, f"[{B6}]"):
        for transport in ("io_uring", "syscall"):
            refused = host.rtt(f"{target}:9999", "--count", "5", "--transport", transport, status=1)
            contains(refused.err, "Connection refused", "a closed port")
            contains(refused.err, "netobs reflect", "remedy")


def test_silent_host(host):
    with host.udp(host.b, B4, 8620):
        refused = host.rtt(f"{B4}:8620", "--count", "5", status=1)
    contains(refused.err, "no answer", "a silent host")


def test_no_route(host):
    contains(host.rtt("198.19.0.1", "--count", "5", status=1).err, "unreachable", "no route")


def test_port_in_use(host):
    with host.reflector():
        refused = host.netobs("reflect", namespace=host.b).expect(1)
        contains(refused.err, "862", "the port")
        contains(refused.err, "already in use", "cause")
        check_contract(host.rtt(B4, *SOME), sent=200)


def test_reflector_goes_away(host):
    """In mid-run: the rest is lost, what was measured stays."""
    store = host.path("gone.db")
    reflector = host.start("reflect", namespace=host.b).wait_until("answering on")
    process = host.start("rtt", B4, "--count", "2000", "--interval", "1ms", "--timeout", "200ms",
                         "--store", store, "--json", "-", namespace=host.a)
    wait_for(lambda: rows_in(store) > 100, "the first rows")
    reflector.stop()
    document = check_contract(process.wait().expect(0).json(), sent=2000)
    probes = document["probes"]
    check(probes["received"] > 100 and probes["lost"] > 0, str(probes))
    equal(sqlite_rows(store, document["run"]["id"]), 2000, "rows")
    check_tables(store, document)


def rows_in(store):
    try:
        return sqlite_rows(store)
    except Exception:  # not made yet, or busy
        return 0


def test_interface_goes_away(host):
    for transport in ("io_uring", "syscall"):
        store = host.path(f"link-{transport}.db")
        with host.reflector():
            process = host.start("rtt", B4, "--count", "1500", "--interval", "1ms", "--timeout", "200ms",
                                 "--store", store, "--json", "-", "--transport", transport,
                                 namespace=host.a)
            try:
                wait_for(lambda: rows_in(store) > 100, "the first rows")
                host.sh("ip", "-n", host.a, "link", "del", IF_A)
                ended = process.wait(30)
            finally:
                host.connect()
        document = check_contract(ended.expect(0).json())
        probes = document["probes"]
        check(probes["received"] > 100 and probes["send_failed"] > 0, str(probes))
        equal(probes["sent"] + probes["send_failed"], 1500, f"the count: {probes}")
        equal(sqlite_rows(store, document["run"]["id"]), 1500, "rows")
        check_tables(store, document)
        contains(" ".join(document["notes"]), "sends failed", "notes")


def noise(source, size):
    """Datagrams near to and far from a request, seeded; of few sessions, which the reflector caps."""
    if size % 3 == 0:
        return source.randbytes(14) + bytes([0, size % 8]) + source.randbytes(size)
    whole = bytearray(struct.pack("!IQHH", source.getrandbits(32), source.getrandbits(64),
                                  source.choice([0x0001, 0x8601, 0, 0xffff]), source.randrange(8)))
    whole += bytes(28)
    for _ in range(source.randrange(6)):  # TLVs, some with the wrong length
        length = source.randrange(64)
        whole += struct.pack("!BBH", source.choice([0, 0x80, 0x40, 0x20, 0xff]),
                             source.choice([0, 1, 3, 4, 5, 7, 8, 250, 255]),
                             length if source.random() < 0.7 else source.getrandbits(16))
        whole += source.randbytes(length)
    return bytes(whole)[:size] if source.random() < 0.3 else bytes(whole)


def counters_of(process):
    counters = process.stop().expect(0).out
    found = re.search(r"received (\d+) +answered (\d+) +sessions (\d+)", counters)
    dropped = sum(int(n) for n in re.findall(r"^dropped +(\d+)", counters, re.M))
    return int(found[1]), int(found[2]), dropped, counters


def test_noise_at_the_reflector(host):
    """Every datagram is either answered or dropped for a reason; the run beside it is not disturbed."""
    source = random.Random(20260114)
    sent = [0]
    with host.reflector() as process, host.udp(host.a, A4) as udp, host.udp(host.a, A4, 862) as twin:
        def step():
            for _ in range(10):
                (twin if sent[0] % 100 == 0 else udp).sendto(noise(source, source.randrange(1400)), (B4, 862))
                sent[0] += 1
            time.sleep(0.001)

        with Background(step):
            document = check_contract(host.rtt(B4, "--count", "1000", "--interval", "1ms"), sent=1000)
        equal(document["probes"]["received"], 1000, "answers beside the noise")
        check_coverage(document, least=0.99)
        received, answered, dropped, text = counters_of(process)
    equal(answered + dropped, received, f"every datagram has its account: {text}")
    check(received >= 1000 + sent[0], f"{sent[0]} noise datagrams: {text}")
    check(dropped > 0, text)


def test_noise_at_the_sender(host):
    """Datagrams from elsewhere to the sender's port: not ours, and without effect."""
    source = random.Random(7)
    with host.reflector(), host.udp(host.b, B4) as udp:
        def step():
            for port in ports():
                udp.sendto(noise(source, source.randrange(1400)), (A4, port))
            time.sleep(0.001)

        def ports():
            text = host.sh("ip", "netns", "exec", host.a, "ss", "-Hlun")
            return [int(port) for port in re.findall(r":(\d+) ", text)] or [9]

        with Background(step):
            document = check_contract(host.rtt(B4, "--count", "1000", "--interval", "1ms"), sent=1000)
        equal((document["probes"]["received"], document["probes"]["duplicate"]), (1000, 0), "answers")
        check_coverage(document, least=0.99)


def test_two_reflectors_do_not_echo(host):
    """A forged request from one reflector's port to the other must not bounce for ever."""
    with host.reflector() as first, host.reflector(namespace=host.a) as second:
        first.wait_until("answering on")
        with host.udp(host.b, B4) as udp:
            udp.sendto(bytes(12) + b"\x00\x01" + bytes(30), (A4, 862))
            udp.recv(2048)
        received, _, _, text = counters_of(second)
        equal(received, 1, text)
        received, _, _, text = counters_of(first)
        equal(received, 0, text)


def test_rate_limit_and_session_cap(host):
    with host.reflector("--rate-limit", "1kpps") as process:
        document = check_contract(host.rtt(B4, "--rate", "5kpps", "--duration", "1s", "--timeout", "200ms"))
        check(0 < document["probes"]["lost"] < document["probes"]["sent"], str(document["probes"]))
        received, answered, dropped, text = counters_of(process)
        check(dropped >= document["probes"]["lost"] and received == answered + dropped, text)
    with host.reflector("--max-sessions", "4") as process:
        sockets = [host.udp(host.a, A4) for _ in range(6)]
        for udp in sockets:
            udp.sendto(bytes(12) + b"\x00\x01" + bytes(30), (B4, 862))
        for udp in sockets[:4]:
            equal(len(udp.recv(2048)), 44, "a reply")
        # Behind those that get none: with its answer they have been seen.
        sockets[0].sendto(bytes(12) + b"\x00\x01" + bytes(30), (B4, 862))
        equal(len(sockets[0].recv(2048)), 44, "another reply")
        received, answered, dropped, text = counters_of(process)
        for udp in sockets:
            udp.close()
        equal((received, answered, dropped), (7, 5, 2), text)


def test_output_that_cannot_be_written(host):
    store = host.path("closed.db")
    with host.reflector():
        run = f"{host.binary} rtt {B4} --count 50 --store {store}"
        for output, status, message in (("> /dev/full", 1, "No space left"),
                                        ("--json - > /dev/full", 1, "No space left"),
                                        ("--json /dev/full", 1, "/dev/full"), (">&-", 0, ""),
                                        ("<&- >&- 2>&-", 0, ""), ("| true", 0, ""),
                                        ("--json - | true", 0, "")):
            done = host.spawn(["bash", "-c", f"{run} {output}; exit ${{PIPESTATUS[0]}}"],
                              namespace=host.a).wait().expect(status)
            contains(done.err, message, f"the message of {output}")
    equal(sqlite_rows(store), 350, "rows, whatever became of the output")


def test_as_fast_as_it_goes(host):
    """Whatever cannot be kept up with is counted somewhere; sums hold and nothing is wrong."""
    store = host.path("fast.db")
    for transport in ("io_uring", "syscall"):
        with host.reflector("--wait", "spin"):
            document = check_contract(host.rtt(B4, "--rate", "1Mpps", "--duration", "1s", "--timeout",
                                               "300ms", "--transport", transport, "--store", store))
        probes = document["probes"]
        check(probes["sent"] > 1000 and probes["received"] > 0, str(probes))
        equal(sqlite_rows(store, document["run"]["id"]), probes["sent"], "rows")
        check_tables(store, document)


if __name__ == "__main__":
    lab.main(globals())
