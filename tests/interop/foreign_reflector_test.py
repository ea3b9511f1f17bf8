#!/usr/bin/env python3
"""netobs rtt against reflectors that are not ours: it measures with what they give, and says so."""

import struct

import lab
import stamp
from contract import check_contract, check_coverage, working
from lab import B4, B6, Background, check, contains, equal

PORT = 8620
RUN = ["--count", "200", "--interval", "1ms"]
KERNEL_AND_TC = {"app_tx", "app_rx", "tx_sched", "tx_software", "rx_software", "tc_egress", "tc_ingress"}


def measure(host, *args, address=B4, key_file=None, **reflector):
    """A run against a Python reflector; the JSON, and the requests that it got."""
    with host.udp(host.b, address, PORT) as udp:
        peer = stamp.Reflector(udp, **reflector)
        target = f"[{address}]:{PORT}" if ":" in address else f"{address}:{PORT}"
        key = ["--auth-key-file", key_file] if key_file else []
        with Background(peer.step):
            document = check_contract(host.rtt(target, *RUN, *key, *args), sent=200)
    equal(document["probes"]["received"], 200, "answers")
    equal(document["probes"]["duplicate"], 0, "duplicates")
    return document, peer.requests


def base_only(document):
    """The reflector's T2 and T3, everything of our own, and a word about why there is no more."""
    equal(working(document, "reflector"), {"app_rx", "app_tx"}, "the reflector's points")
    check(working(document, "sender") >= KERNEL_AND_TC, str(working(document, "sender")))
    check_coverage(document)
    contains(document["environment"]["reflector"].lower(), "foreign", "environment.reflector")


def test_tlvs_copied_as_they_came(host):
    for stateful in (False, True):
        base_only(measure(host, stateful=stateful)[0])
    base_only(measure(host, address=B6, stateful=True)[0])


def test_tlvs_marked_unrecognised(host):
    base_only(measure(host, tail=lambda octets: bytes([octets[0] | 0x80]) + octets[1:] if octets else b"")[0])


def test_tlvs_zeroed(host):
    base_only(measure(host, tail=lambda octets: bytes(len(octets)))[0])


def test_tlvs_cut_off(host):
    for stateful in (False, True):
        base_only(measure(host, stateful=stateful, tail=lambda octets: b"")[0])


def test_tlvs_of_noise(host):
    base_only(measure(host, tail=lambda octets: bytes(17 * i & 255 for i in range(len(octets))))[0])


def test_short_replies(host):
    """TWAMP-Light reflectors: 41 octets without the last three, 38 without a TTL."""
    for size in (41, 38):
        for stateful in (False, True):
            base_only(measure(host, stateful=stateful, change=lambda reply, size=size: reply[:size])[0])


def test_ptp_timestamps(host):
    document, _ = measure(host, clock=stamp.ptp, error_estimate=stamp.PTP_ERROR_ESTIMATE)
    base_only(document)


def network_kinds(document):
    return {row["kind"] for row in document["segments"]} & {"network_forward", "network_backward",
                                                             "network_both_ways"}


def test_one_way_needs_the_word_of_both(host):
    """The peer says within 1 us; whether that is worth anything depends on our own clock."""
    document, _ = measure(host)
    own = document["environment"]["time_synchronisation"]
    if own.startswith("synchronised"):
        equal(document["clocks"]["relation"], "synchronised", f"we are {own}, and so is the peer")
        check(document["clocks"]["bound_ns"] >= 1000, str(document["clocks"]))
        equal(network_kinds(document), {"network_forward", "network_backward"}, "segments")
    else:
        equal(document["clocks"], {"relation": "unknown", "bound_ns": 0}, f"we are {own}")
        equal(network_kinds(document), {"network_both_ways"}, "segments")
    document, _ = measure(host, error_estimate=stamp.ERROR_ESTIMATE & 0x7FFF)
    equal(document["clocks"], {"relation": "unknown", "bound_ns": 0}, "a peer that is not synchronised")
    equal(network_kinds(document), {"network_both_ways"}, "segments")


def test_a_peer_far_ahead(host):
    """Its clock is an hour ahead: round trips are what they were, one-way delays are not shown."""
    document, _ = measure(host, clock=lambda now: stamp.ntp(now + 3600 * 10**9),
                          error_estimate=stamp.ERROR_ESTIMATE & 0x7FFF)
    for view in ("app", "kernel", "tc"):
        check(0 < document["rtt_ns"][view]["max"] < 60 * 10**9, f"{view}: {document['rtt_ns'][view]}")
    net = document["net_rtt_ns"]["app"]
    check(0 < net["min"] <= net["max"] < 60 * 10**9, f"net round trip: {net}")
    for row in document["segments"]:
        check(abs(row["max"]) < 60 * 10**9, f"{row['name']} has the hour in it: {row}")


def test_ssid_not_copied(host):
    """A peer from before RFC 8972 leaves zero there."""
    base_only(measure(host, change=lambda reply: reply[:14] + b"\0\0" + reply[16:])[0])


def test_swapped_t1_and_t3(host):
    """The copy of T1 is not used, so the round trip stands; T3 is what the peer says it is."""
    with host.udp(host.b, B4, PORT) as udp:
        peer = stamp.Reflector(udp, change=lambda reply: reply[:4] + reply[28:36] + reply[12:28]
                               + reply[4:12] + reply[36:])
        with Background(peer.step):
            document = host.rtt(f"{B4}:{PORT}", *RUN, status=3)
    equal((document["probes"]["sent"], document["probes"]["received"]), (200, 200), "probes")
    equal(document["rtt_ns"]["app"]["count"], 200, "round trips")
    check(document["rtt_ns"]["app"]["min"] > 0, "a round trip is positive")
    equal(document["violations"]["causal_order"], 200, "a T3 before T2 is shown in every record")


def test_timestamps_of_zero(host):
    """A reflector without a clock: the round trip is measured all the same."""
    with host.udp(host.b, B4, PORT) as udp:
        peer = stamp.Reflector(udp, clock=lambda now: 0)
        with Background(peer.step):
            document = host.rtt(f"{B4}:{PORT}", *RUN)
    equal((document["probes"]["received"], document["rtt_ns"]["app"]["count"]), (200, 200), "round trips")
    check(document["rtt_ns"]["kernel"]["count"] == 200, "kernel round trips")


def test_authenticated(host):
    key = "interoperable"
    key_file = host.write("interop-key", key + "\n", 0o600)
    for tail in (lambda octets: octets, lambda octets: b""):
        document, requests = measure(host, key_file=key_file, key=key.encode(), tail=tail, stateful=True)
        base_only(document)
        for packet in requests:
            check(stamp.seal(packet, key.encode()) == packet, "the HMAC of a request")


def test_what_is_on_the_wire(host):
    _, requests = measure(host)
    measured = [packet for packet in requests if struct.unpack_from("!I", packet)[0] < 200]
    equal([struct.unpack_from("!I", packet)[0] for packet in measured], list(range(200)), "sequence")
    equal({len(packet) for packet in measured}, {len(measured[0])}, "one size")
    for packet in measured:
        check(packet[13] != 0, "an error estimate with multiplier 0")
        check(packet[14:16] != b"\0\0", "SSID 0")
        equal(packet[16:44], bytes(28), "must be zero")
    times = [stamp.unix_ns(struct.unpack_from("!Q", packet, 4)[0]) for packet in measured]
    check(times == sorted(times), "T1 goes backward")


if __name__ == "__main__":
    lab.main(globals())
