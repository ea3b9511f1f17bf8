#!/usr/bin/env python3
"""Senders that are not ours against netobs reflect: what the standard says they get."""

import struct

import lab
import stamp
from lab import A4, A6, B4, B6, check, contains, equal
from stamp import AuthenticatedReply, Reply, tlv

T1 = 0xE8FE6F801F9ADD37  # Unix time 1700000000.123456789
VECTOR_KEY = bytes(range(16))


def exchange(udp, packet, target=(B4, 862)):
    udp.sendto(packet, target)
    return udp.recv(9216)


def silent(udp, packet, target=(B4, 862)):
    udp.sendto(packet, target)
    udp.settimeout(0.3)
    try:
        raise lab.Failure(f"an answer of {len(udp.recv(9216))} bytes where silence is due")
    except TimeoutError:
        udp.settimeout(lab.DEADLINE_S)


def check_base(reply, sequence, number, ssid=0, t1=T1):
    equal((reply.sequence, reply.sender_sequence, reply.ssid, reply.t1),
          (number, sequence, ssid, t1), "sequence, sender sequence, SSID, T1")
    equal(reply.sender_error_estimate, stamp.ERROR_ESTIMATE, "the sender's error estimate")
    check(reply.error_estimate & 0xFF, "an error estimate with multiplier 0")
    check(reply.t2 <= reply.t3, f"T2 {reply.t2:#x} after T3 {reply.t3:#x}")


def test_vectors_of_this_module(host):
    """The Python side itself, against vectors that were computed elsewhere."""
    equal(f"{stamp.ntp(1_700_000_000_123_456_789):016x}", "e8fe6f801f9add37", "NTP time")
    packet = stamp.authenticated_request(1, VECTOR_KEY, T1, 0x2A, error_estimate=0x8601)
    equal(packet[96:].hex(), "17c5cce972ffca7f714e166d7f8fc0be", "HMAC")


def test_plain_requests(host):
    with host.reflector(), host.udp(host.a, A4) as udp:
        stamp.ttl_of(udp)
        for number in range(5):
            packet = exchange(udp, stamp.request(100 + number, T1))
            equal(len(packet), 44, "size")
            reply = Reply(packet)
            check_base(reply, 100 + number, number)
            equal(reply.sender_ttl, 255, "TTL")
        udp.sendto(stamp.request(7, T1), (B4, 862))
        _, control, _, _ = udp.recvmsg(9216, 256)
        equal([struct.unpack("i", data[:4])[0] for _, _, data in control], [255], "TTL of the reply")
        other = Reply(exchange(udp, stamp.request(9, T1, ssid=0x2A)))
        check_base(other, 9, 0, ssid=0x2A)  # another SSID is another session
    with host.reflector(), host.udp(host.a, A6) as udp:
        check_base(Reply(exchange(udp, stamp.request(5, T1), (B6, 862))), 5, 0)


def test_stateless(host):
    with host.reflector("--stateless"), host.udp(host.a, A4) as udp:
        for sequence in (4, 77, 5):
            check_base(Reply(exchange(udp, stamp.request(sequence, T1))), sequence, sequence)


def test_twamp_light_requests(host):
    with host.reflector(), host.udp(host.a, A4) as udp:
        for number, size in enumerate((14, 16, 27, 41, 43, 44)):
            packet = exchange(udp, stamp.request(number, T1)[:size])
            equal(len(packet), 44, f"reply to {size} bytes")
            check_base(Reply(packet), number, number)
        for size in (0, 1, 13):
            silent(udp, stamp.request(1, T1)[:size])


def test_padding(host):
    noise = bytes((i * 101 + 7) & 255 for i in range(400))
    with host.reflector(), host.udp(host.a, A4) as udp:
        for number, tail in enumerate((bytes(100), bytes(1), bytes(1400), noise, b"\xff" * 64)):
            packet = exchange(udp, stamp.request(number, T1, tail=tail))
            equal(len(packet), 44 + len(tail), "a reply as large as the request")
            check_base(Reply(packet), number, number)
            if not any(tail):
                equal(Reply(packet).tail, tail, "zeros come back as zeros")


def test_tlvs(host):
    with host.reflector(), host.udp(host.a, A4) as udp:
        padding, unknown = tlv(1, b"\xaa" * 20), tlv(200, b"whatever")
        reply = Reply(exchange(udp, stamp.request(0, T1, ssid=1, tail=unknown + padding)))
        equal(reply.tail[:12], tlv(200, b"whatever", 0x80), "an unknown TLV: as it came, U set")
        equal(reply.tail[12:16], tlv(1, bytes(20), 0)[:4], "Extra Padding: known, U clear")
        reply = Reply(exchange(udp, stamp.request(1, T1, ssid=1, tail=tlv(5, struct.pack("!III", 9, 0, 0)))))
        equal(struct.unpack("!BBHIII", reply.tail), (0, 5, 12, 9, 2, 2), "Direct Measurement")
        # Nothing is kept for it before it is first asked for.
        before = Reply(exchange(udp, stamp.request(2, T1, ssid=1, tail=tlv(7, bytes(16)))))
        reply = Reply(exchange(udp, stamp.request(3, T1, ssid=1, tail=tlv(7, bytes(16)))))
        flags, kind, size, previous, sent, method = struct.unpack_from("!BBHIQB", reply.tail)
        equal((flags, kind, size, previous), (0, 7, 16, 2), "Follow-Up Telemetry of the reply before")
        equal(method, 2, "method: local, software")
        check(before.t3 <= sent <= reply.t3, f"T3 {before.t3:#x}, follow-up {sent:#x}, next {reply.t3:#x}")
        broken = struct.pack("!BBH", 0x80, 1, 500) + bytes(20)
        reply = Reply(exchange(udp, stamp.request(4, T1, ssid=1, tail=broken)))
        equal((reply.tail[0] & 0x40, len(reply.tail)), (0x40, 24), "a length beyond the packet: M set")


def test_authenticated(host):
    key = b"interoperable"
    key_file = host.write("interop-key", key.decode() + "\n", 0o600)
    with host.reflector("--auth-key-file", key_file) as process, host.udp(host.a, A4) as udp:
        for number, tail in enumerate((b"", bytes(40))):
            packet = exchange(udp, stamp.authenticated_request(10 + number, key, T1, 0x2A, tail))
            equal(len(packet), 112 + len(tail), "size")
            reply = AuthenticatedReply(packet, key)
            check(reply.genuine, "the HMAC of the reply")
            check_base(reply, 10 + number, number, ssid=0x2A)
        genuine = stamp.authenticated_request(20, key, T1, 0x2A)
        exchange(udp, genuine)
        silent(udp, genuine)  # a replay
        for at in (0, 17, 25, 60, 100):
            silent(udp, genuine[:at] + bytes([genuine[at] ^ 1]) + genuine[at + 1:])
        silent(udp, stamp.authenticated_request(21, b"another key", T1, 0x2A))
        silent(udp, stamp.request(22, T1))
        contains(process.stop().expect(0).out, "dropped", "counters")


if __name__ == "__main__":
    lab.main(globals())
