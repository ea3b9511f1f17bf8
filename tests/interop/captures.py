"""Captures written by hand: pcap with nanoseconds, Ethernet, IPv4, IPv6, UDP and ICMP, apart from the engine."""

import socket
import struct

ETHERNET = 1
START_NS = 1_796_000_000 * 10**9  # 2026-11-30, an instant without meaning


def ethernet(packet, kind=0x0800):
    return bytes.fromhex("02000000000202000000000108")[:12] + struct.pack("!H", kind) + packet


def ip(source, destination, protocol, payload, ttl=64):
    if ":" in source:
        head = struct.pack("!IHBB", 6 << 28, len(payload), protocol, ttl)
        return ethernet(head + socket.inet_pton(socket.AF_INET6, source) +
                        socket.inet_pton(socket.AF_INET6, destination) + payload, 0x86DD)
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), 0, 0, ttl, protocol, 0)
    return ethernet(head + socket.inet_aton(source) + socket.inet_aton(destination) + payload)


def udp(source, destination, payload, ttl=64):
    """source, destination: (address, port)."""
    head = struct.pack("!HHHH", source[1], destination[1], 8 + len(payload), 0)
    return ip(source[0], destination[0], 17, head + payload, ttl)


def echo(source, destination, number, reply=False, identifier=7):
    return ip(source, destination, 1, struct.pack("!BBHHH", 0 if reply else 8, 0, 0, identifier, number) + b"x" * 48)


def pcap(packets, link=ETHERNET, snap=262_144):
    """packets: (nanoseconds after START_NS, frame)."""
    out = struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, snap, link)
    for after_ns, frame in packets:
        seconds, nanoseconds = divmod(START_NS + after_ns, 10**9)
        out += struct.pack("<IIII", seconds, nanoseconds, min(snap, len(frame)), len(frame)) + frame[:snap]
    return out
