#!/usr/bin/env python3
"""A path that loses, repeats, reorders, delays and forges: every count is compared with what was done."""

import lab
from contract import check_contract, points, sqlite_rows
from lab import check, contains, equal
from relay import Relay

COUNT = 1000
TIMED = ["--count", str(COUNT), "--interval", "1ms"]
EVERY = range(100, 900, 50)  # sixteen probes, far enough apart


def through(host, forward=None, back=None, options=(), timeout="2s"):
    """A run through a relay; the JSON and its counts."""
    with host.reflector(), Relay(host, COUNT, forward, back) as relay:
        document = check_contract(host.rtt(relay.target, *TIMED, "--timeout", timeout, *options),
                                  sent=COUNT)
    return document, document["probes"]


def only(probes, **expected):
    """These counts, and no other damage."""
    for key in ("lost", "lost_forward", "lost_backward", "duplicate", "reordered", "late", "send_failed"):
        equal(probes[key], expected.get(key, 0), f"{key} of {probes}")


def check_records(document, host, store):
    """The rows say the same as the summary."""
    equal(sqlite_rows(store, document["run"]["id"]), COUNT, "rows")
    again = host.netobs("report", "--store", store, "--from-rows", "--json").expect(0).json()
    equal(again, document, "what the rows add up to")


def test_a_clean_path(host):
    document, probes = through(host)
    only(probes)
    for side in ("sender", "reflector"):
        for name, row in points(document, side).items():
            check(row["status"] != "on" or row["captured"] >= 990, f"{side} {name}: {row}")


def test_lost_on_the_way_out(host):
    store = host.path("out.db")
    document, probes = through(host, forward=lambda n, d: [] if n in EVERY else [d],
                               options=["--store", store])
    only(probes, lost=16, lost_forward=16)
    check_records(document, host, store)
    missing = points(document, "reflector")["app_rx"]["missing"]
    equal(missing, {"probe_lost": 16}, "why the reflector's app_rx is missing")


def test_lost_on_the_way_back(host):
    store = host.path("back.db")
    document, probes = through(host, back=lambda n, d: [] if n in EVERY else [d],
                               options=["--store", store])
    only(probes, lost=16, lost_backward=16)
    check_records(document, host, store)
    equal(points(document, "reflector")["app_rx"]["captured"], COUNT, "seen by the reflector")


def test_duplicated_replies(host):
    _, probes = through(host, back=lambda n, d: [d] * (3 if n in EVERY else 1))
    only(probes, duplicate=32)


def test_duplicated_requests(host):
    store = host.path("requests.db")
    document, probes = through(host, forward=lambda n, d: [d] * (2 if n in EVERY else 1),
                               options=["--store", store])
    only(probes, duplicate=16)
    check_records(document, host, store)


def test_replayed_replies(host):
    kept = {}

    def back(number, datagram):
        kept[number] = datagram
        return [datagram, kept[number - 90]] if number in EVERY else [datagram]

    _, probes = through(host, back=back)
    only(probes, duplicate=16)


def test_reordered_replies(host):
    held = []

    def back(number, datagram):
        if number in EVERY:
            held.append(datagram)
            return []
        out = [datagram, *held]
        held.clear()
        return out

    _, probes = through(host, back=back)
    only(probes, reordered=16)


def test_reordered_requests(host):
    held = []

    def forward(number, datagram):
        if number in EVERY:
            held.append(datagram)
            return []
        out = [datagram, *held]
        held.clear()
        return out

    _, probes = through(host, forward=forward)
    only(probes, reordered=16)


def test_everything_at_once(host):
    held = []

    def forward(number, datagram):
        return [] if number % 100 == 10 else [datagram]

    def back(number, datagram):
        if number % 100 == 20:
            return []
        if number % 100 == 30:
            return [datagram, datagram]
        if number % 100 == 40:
            held.append(datagram)
            return []
        out = [datagram, *held]
        held.clear()
        return out

    _, probes = through(host, forward=forward, back=back)
    only(probes, lost=20, lost_forward=10, lost_backward=10, duplicate=10, reordered=10)


def test_late_replies(host):
    held = {}

    def back(number, datagram):
        if number in (200, 300):
            held[number + 400] = datagram
            return []
        return [datagram, held.pop(number)] if number in held else [datagram]

    # 400 ms late, with a timeout of 200 ms.
    _, probes = through(host, back=back, timeout="200ms")
    check(probes["lost"] >= 2 and probes["lost"] == probes["late"], f"late replies count as lost: {probes}")
    equal(probes["duplicate"], 0, "a late reply is no duplicate")


def forged(datagram):
    """Replies that are wrong in one way each, all from the right address."""
    yield b""
    yield b"\x00"
    yield datagram[:27]
    yield datagram[:24] + b"\x7f\xff\xff\xff" + datagram[28:]  # a probe that was never sent
    yield datagram[:14] + bytes([datagram[14] ^ 0x55]) + datagram[15:]  # another session
    yield datagram[:12] + b"\x00\x00" + datagram[14:]  # error estimate with multiplier 0
    yield b"\xff" * len(datagram)
    yield b"\x00" * 9000


def test_forged_replies(host):
    def back(number, datagram):
        return [*forged(datagram), datagram] if number in EVERY else [datagram]

    with host.reflector(), Relay(host, COUNT, None, back) as relay:
        document = host.rtt(relay.target, *TIMED, status=(0, 3))
    equal(document["probes"]["sent"], COUNT, "sent")
    only(document["probes"])
    # A forgery with a number and a session of ours that the program refuses has passed the hooks
    # already: such a probe is shown as a violation, not passed off as sound.
    check(document["violations"]["causal_order"] <= len(EVERY), str(document["violations"]))
    contains(" ".join(document["notes"]), "malformed", "notes")
    contains(" ".join(document["notes"]), "another session", "notes")


def test_forged_reports(host):
    """The reflector's TLV with damage: the round trip stays, nothing impossible enters a record."""
    def back(number, datagram):
        if number not in EVERY:
            return [datagram]
        at = 48 + EVERY.index(number) * 8
        return [datagram[:at] + bytes(octet ^ 0xff for octet in datagram[at:at + 8]) + datagram[at + 8:]]

    with host.reflector(), Relay(host, COUNT, None, back) as relay:
        document = host.rtt(relay.target, *TIMED, status=(0, 3))
    probes = document["probes"]
    equal((probes["sent"], probes["received"], probes["duplicate"]), (COUNT, COUNT, 0), "counts")
    # A forged time is shown as a violation of the causal order, if it was taken at all.
    check(document["violations"]["causal_order"] <= 64, str(document["violations"]))


if __name__ == "__main__":
    lab.main(globals())
