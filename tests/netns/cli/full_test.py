#!/usr/bin/env python3
"""Buffers of the kernel that are full, for real: what did not fit is missing with its reason, the figures
that remain are right. The sender is stopped meanwhile, so that nothing is taken out."""

import re
import socket
import struct
import threading
import time

import lab
from contract import check_contract, points, rows_so_far
from lab import A4, B4, IF_A, IF_B, check, contains, equal, wait_for
from relay import PORT, Relay

COUNT = 1500
RUN = ["--count", str(COUNT), "--interval", "2ms", "--timeout", "20s"]
RING_EVENTS = (4 << 20) // 56  # 4 MiB, 48 bytes and a header of 8 each
SOL_PACKET, PACKET_QDISC_BYPASS = 263, 20


class HoldingRelay(Relay):
    """Keeps replies back from the first one of `at` on, until they are let go."""

    def __init__(self, host, at):
        super().__init__(host, COUNT, None, self._back_or_keep)
        self.at, self.kept, self.open = at, [], False
        self._lock = threading.Lock()

    def _back_or_keep(self, number, datagram):
        with self._lock:
            if self.open or number < self.at:
                return [datagram]
            self.kept.append(datagram)
            return []

    def let_go(self):
        with self._lock:
            self.open = True
        for datagram in self.kept:
            self.send_back(datagram)


def socket_of(process, port):
    """(bytes that wait, datagrams dropped) of a UDP port, as the process's namespace has it."""
    with open(f"/proc/{process.pid}/net/udp", encoding="ascii") as table:
        rows = [line.split() for line in table][1:]
    row = next(row for row in rows if row[1].endswith(f":{port:04X}"))
    return int(row[4].partition(":")[2], 16), int(row[12])


def start(host, relay, *options):
    return host.start("rtt", relay.target, *RUN, *options, "--no-store", "--json", "-", namespace=host.a)


def check_the_rest(document, damaged):
    """Everything was answered, in causal order and with sums that hold; other points are complete."""
    probes = document["probes"]
    equal((probes["sent"], probes["received"]), (COUNT, COUNT), "sent, received")
    equal((probes["lost"], probes["duplicate"]), (0, 0), "lost, duplicate")
    for side in ("sender", "reflector"):
        for name, row in points(document, side).items():
            if row["status"] != "on" or (side == "sender" and name in damaged):
                continue
            check(row["captured"] >= 0.99 * COUNT, f"{side} {name}: {row}")


def backlog(host):
    """Packets that wait in the sender's qdisc."""
    shown = host.sh("tc", "-s", "-n", host.a, "qdisc", "show", "dev", IF_A)
    return int(re.search(r"backlog \S+ (\d+)p", shown)[1])


def shape(host, verb, rate):
    host.sh("tc", "-n", host.a, "qdisc", verb, "dev", IF_A, "root", "handle", "9:", "tbf", "rate", rate,
            "burst", "2000", "limit", "1000000")


def overfill_error_queue(host, transport):
    """Transmit timestamps come while the socket's buffer is full: the kernel drops them."""
    with host.reflector(), HoldingRelay(host, at=200) as relay:
        process = start(host, relay, "--transport", transport)
        wait_for(lambda: relay.kept, "the first reply that is held")
        shape(host, "add", "8kbit")
        try:
            wait_for(lambda: backlog(host) >= 50, "packets in the qdisc")
            with process.stopped():
                port = relay.client[1]
                dropped = socket_of(process, port)[1]

                def full():
                    for _ in range(1000):
                        relay.send_back(b"no reply of ours")
                    return socket_of(process, port)[1] > dropped

                wait_for(full, "the receive buffer to be full")
                shape(host, "change", "100mbit")
                wait_for(lambda: backlog(host) == 0, "the qdisc to empty")
            wait_for(lambda: socket_of(process, port)[0] == 0, "the sender to take what waited")
            relay.let_go()
            return check_contract(process.wait().expect(0).json())
        finally:
            host.sh("tc", "-n", host.a, "qdisc", "del", "dev", IF_A, "root")


def test_a_full_error_queue(host):
    for transport in ("io_uring", "syscall"):
        document = overfill_error_queue(host, transport)
        row = points(document, "sender")["tx_software"]
        check(row["coverage"] < 1, f"{transport}: nothing was lost: {row}")
        equal(row["missing"], {"lost_by_kernel": COUNT - row["captured"]}, f"{transport}: why")
        check(row["captured"] >= COUNT / 2, f"{transport}: it goes on afterwards: {row}")
        contains(" ".join(document["notes"]), "receive buffer full", "notes")
        check_the_rest(document, {"tx_software"})
        # What lacks an end is not in the segment; what has both is.
        for segment in document["segments"]:
            ends = [(segment[end]["host"], segment[end]["point"]) for end in ("from", "to")]
            if ("sender", "tx_software") in ends:
                check(segment["count"] <= row["captured"] and segment["min"] >= 0, str(segment))


def frame(host, source, destination):
    """An Ethernet frame that looks like a probe or a reply to a hook at tc, and that IP drops for its checksum.
    Both ends: namespace, device, address, port."""
    def mac(namespace, device):
        shown = host.sh("ip", "-n", namespace, "link", "show", device)
        return bytes.fromhex(re.search(r"link/ether (\S+)", shown)[1].replace(":", ""))

    stamp = struct.pack("!IQHH", 1, 0, 0x8001, 1) + bytes(28)
    udp = struct.pack("!HHHH", source[3], destination[3], 8 + len(stamp), 0) + stamp
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0xdead,
                     socket.inet_aton(source[2]), socket.inet_aton(destination[2]))
    return mac(*destination[:2]) + mac(*source[:2]) + b"\x08\x00" + ip + udp


def flood(host, source, destination):
    """More such frames than a ring of hook events holds."""
    with host.inside(source[0]):
        wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    with wire:
        wire.setsockopt(SOL_PACKET, PACKET_QDISC_BYPASS, 1)
        wire.bind((source[1], 0))
        octets = frame(host, source, destination)
        for _ in range(RING_EVENTS + 1000):
            wire.send(octets)


def overfill_ring(host):
    """Replies come while the sender's ring of hook events is full of others'."""
    with host.reflector(), HoldingRelay(host, at=300) as relay:
        process = start(host, relay)
        wait_for(lambda: len(relay.kept) >= 50, "replies that are held")
        with process.stopped():
            port = relay.client[1]
            flood(host, (host.b, IF_B, B4, PORT), (host.a, IF_A, A4, port))
            relay.let_go()
            wait_for(lambda: socket_of(process, port)[0] > 0, "the replies to arrive")
        return check_contract(process.wait().expect(0).json())


def test_a_full_ring(host):
    document = overfill_ring(host)
    at_sender = points(document, "sender")
    if at_sender["tc_ingress"]["status"] != "on":
        raise lab.Skip(f"needs the hooks at tc: {at_sender['tc_ingress']}")
    for name in ("tc_ingress", "socket_delivery"):
        row = at_sender[name]
        check(row["captured"] <= COUNT - 50, f"{name} lacks the replies that were held: {row}")
        equal(row["missing"], {"lost_by_us": COUNT - row["captured"]}, f"{name}: why")
        check(row["captured"] >= COUNT / 2, f"{name} goes on afterwards: {row}")
    check_the_rest(document, {"tc_ingress", "socket_delivery"})
    for view in ("app", "kernel"):
        equal(document["rtt_ns"][view]["count"], COUNT, f"round trips, {view}")
    equal(document["rtt_ns"]["tc"]["count"], at_sender["tc_ingress"]["captured"], "round trips, tc")


def test_a_full_ring_of_the_reflector(host):
    """Probes come while the reflector's ring is full of others': its reports say whose loss that is."""
    with host.reflector() as reflector:
        store = host.path("ring.db")
        process = host.start("rtt", B4, *RUN, "--store", store, "--json", "-", namespace=host.a)
        wait_for(lambda: rows_so_far(store) > 100, "the first rows")
        with reflector.stopped():
            flood(host, (host.a, IF_A, A4, 40_000), (host.b, IF_B, B4, 862))
            time.sleep(0.5)  # of probes that find it full
        document = check_contract(process.wait().expect(0).json())
    row = points(document, "reflector")["tc_ingress"]
    if row["status"] != "on":
        raise lab.Skip(f"needs the hooks at tc: {row}")
    check(row["captured"] <= COUNT - 100, f"tc_ingress lacks the probes of the pause: {row}")
    equal(set(row["missing"]) - {"not_reported"}, {"lost_by_us"}, f"why: {row}")


if __name__ == "__main__":
    lab.main(globals())
