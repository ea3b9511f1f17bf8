"""STAMP (RFC 8762, RFC 8972) and TWAMP-Light packets, written from the standards and apart from the engine,
so that the two check each other."""

import hashlib
import hmac
import socket
import struct
import time

NTP_UNIX_S = 2_208_988_800
ERROR_ESTIMATE = 0x8587  # synchronised, NTP format, 1 us
PTP_ERROR_ESTIMATE = 0xC587
IP_RECVTTL = 12  # linux/in.h; Python 3.11 does not name it


def ntp(unix_ns):
    seconds, rest = divmod(unix_ns, 10**9)
    return ((seconds + NTP_UNIX_S) & 0xFFFFFFFF) << 32 | ((rest << 32) + 500_000_000) // 10**9


def ptp(unix_ns):
    seconds, rest = divmod(unix_ns, 10**9)
    return (seconds & 0xFFFFFFFF) << 32 | rest


def unix_ns(ntp_time):
    return ((ntp_time >> 32) - NTP_UNIX_S) * 10**9 + ((ntp_time & 0xFFFFFFFF) * 10**9 >> 32)


def seal(packet, key):
    """The HMAC of the 96 octets before it, in its place."""
    return packet[:96] + hmac.new(key, packet[:96], hashlib.sha256).digest()[:16] + packet[112:]


def tlv(kind, value, flags=0x80):
    return struct.pack("!BBH", flags, kind, len(value)) + value


def request(sequence, t1=None, ssid=0, tail=b"", error_estimate=ERROR_ESTIMATE):
    t1 = ntp(time.time_ns()) if t1 is None else t1
    return struct.pack("!IQHH28x", sequence, t1, error_estimate, ssid) + tail


def authenticated_request(sequence, key, t1=None, ssid=0, tail=b"", error_estimate=ERROR_ESTIMATE):
    t1 = ntp(time.time_ns()) if t1 is None else t1
    return seal(struct.pack("!I12xQHH68x16x", sequence, t1, error_estimate, ssid) + tail, key)


class Reply:
    """The fields of an unauthenticated reply of 41 octets or more."""

    def __init__(self, packet):
        (self.sequence, self.t3, self.error_estimate, self.ssid, self.t2, self.sender_sequence, self.t1,
         self.sender_error_estimate, _, self.sender_ttl) = struct.unpack_from("!IQHHQIQHHB", packet)
        self.tail = packet[44:]


class AuthenticatedReply:
    def __init__(self, packet, key):
        self.genuine = seal(packet, key) == packet
        self.sequence, self.t3, self.error_estimate, self.ssid = struct.unpack_from("!I12xQHH", packet)
        self.t2, = struct.unpack_from("!Q", packet, 32)
        self.sender_sequence, = struct.unpack_from("!I", packet, 48)
        self.t1, self.sender_error_estimate = struct.unpack_from("!QH", packet, 64)
        self.sender_ttl = packet[80]
        self.tail = packet[112:]


class Reflector:
    """A session-reflector of a few lines. tail(request tail) says what becomes of TLVs, change(reply) what
    else is odd about it."""

    def __init__(self, udp, stateful=False, tail=lambda octets: octets, change=lambda reply: reply, key=None,
                 clock=ntp, error_estimate=ERROR_ESTIMATE):
        self.udp, self.stateful, self.tail, self.change, self.key = udp, stateful, tail, change, key
        self.clock, self.error_estimate = clock, error_estimate
        self.counts = {}
        self.requests = []
        udp.settimeout(0.1)

    def step(self):
        try:
            packet, peer = self.udp.recvfrom(9216)
        except TimeoutError:
            return
        t2 = self.clock(time.time_ns())
        self.requests.append(packet)
        sequence = struct.unpack_from("!I", packet)[0]
        if self.stateful:
            session = peer, packet[14:16]
            sequence = self.counts.get(session, 0)
            self.counts[session] = sequence + 1
        self.udp.sendto(self.answer(packet, sequence, t2), peer)

    def answer(self, packet, sequence, t2):
        t3 = self.clock(time.time_ns())
        if self.key is None:
            sender_sequence, t1, estimate, ssid = struct.unpack_from("!IQHH", packet)
            return self.change(struct.pack("!IQHHQIQHHB3x", sequence, t3, self.error_estimate, ssid, t2,
                                           sender_sequence, t1, estimate, 0, 255) + self.tail(packet[44:]))
        sender_sequence, t1, estimate, ssid = struct.unpack_from("!I12xQHH", packet)
        return self.change(seal(
            struct.pack("!I12xQHH4xQ8xI12xQH6xB15x16x", sequence, t3, self.error_estimate, ssid, t2,
                        sender_sequence, t1, estimate, 255) + self.tail(packet[112:]), self.key))


def ttl_of(udp):
    """Sets TTL 255 for what is sent, and asks for the TTL of what comes."""
    udp.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 255)
    udp.setsockopt(socket.IPPROTO_IP, IP_RECVTTL, 1)
