"""Timestamps of a NIC without the product: SO_TIMESTAMPING, SIOCSHWTSTAMP and PTP clocks, as plainly as the
kernel gives them. They say what a driver really does, before anything is asked of netobs."""

import collections
import ctypes
import errno
import fcntl
import select
import socket
import struct

# linux/net_tstamp.h, linux/errqueue.h, asm-generic/socket.h, linux/sockios.h
TX_HARDWARE, TX_SOFTWARE, RX_HARDWARE, RX_SOFTWARE = 1 << 0, 1 << 1, 1 << 2, 1 << 3
SOFTWARE, RAW_HARDWARE = 1 << 4, 1 << 6
OPT_ID, OPT_TSONLY, OPT_TX_SWHW = 1 << 7, 1 << 11, 1 << 14
FILTER_NONE, FILTER_ALL, FILTER_V2_L4_EVENT, FILTER_V2_L2_SYNC, FILTER_V2_EVENT = 0, 1, 6, 10, 12
TX_OFF, TX_ON = 0, 1
SO_TIMESTAMPING_NEW, SO_RCVBUFFORCE = 65, 33
SCM_TSTAMP_SND = 0
IP_RECVERR = 11
SIOCSHWTSTAMP, SIOCGHWTSTAMP = 0x89B0, 0x89B1

EVENT_PORT = 319
# A version 2 Sync message's first octets; what follows does not matter to a NIC.
EVENT_PAYLOAD = bytes([0x00, 0x02]) + bytes(62)

Stamp = collections.namedtuple("Stamp", "software hardware")  # ns; 0 = none


class Refused(Exception):
    """The driver's answer to SIOCSHWTSTAMP; errno says which."""

    def __init__(self, number):
        super().__init__(errno.errorcode.get(number, number))
        self.errno = number


def _hwtstamp(lab, namespace, device, request, config):
    buffer = (ctypes.c_int * 3)(*config)
    ifreq = struct.pack("16sP8x", device.encode(), ctypes.addressof(buffer))
    with lab.inside(namespace), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        try:
            fcntl.ioctl(any_socket, request, bytearray(ifreq))
        except OSError as error:
            raise Refused(error.errno) from error
    return buffer[1], buffer[2]


def set_config(lab, namespace, device, tx_type, rx_filter):
    """Returns (tx_type, rx_filter) as the driver left them, or raises Refused."""
    return _hwtstamp(lab, namespace, device, SIOCSHWTSTAMP, (0, tx_type, rx_filter))


def get_config(lab, namespace, device):
    return _hwtstamp(lab, namespace, device, SIOCGHWTSTAMP, (0, 0, 0))


class Socket:
    """A UDP socket whose frames ask for every timestamp there is."""

    FLAGS = (TX_HARDWARE | TX_SOFTWARE | RX_HARDWARE | RX_SOFTWARE | SOFTWARE | RAW_HARDWARE | OPT_ID | OPT_TSONLY |
             OPT_TX_SWHW)

    def __init__(self, lab, namespace, address, port=0):
        self.udp = lab.udp(namespace, address, port)
        # The error queue counts against it, and a full one drops stamps without a word.
        self.udp.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 4 << 20)
        self.udp.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPING_NEW, self.FLAGS)
        self.port = self.udp.getsockname()[1]
        self.sent = {}  # OPT_ID -> Stamp

    def send(self, address, port, payload):
        self.udp.sendto(payload, (address, port))

    def _one_sent(self):
        _, control, _, _ = self.udp.recvmsg(64, 512, socket.MSG_ERRQUEUE)
        number, kind, stamp = None, None, Stamp(0, 0)
        for level, name, data in control:
            if level == socket.SOL_SOCKET and name == SO_TIMESTAMPING_NEW:
                stamp = stamp_of(data)
            elif level == socket.IPPROTO_IP and name == IP_RECVERR:
                kind, number = struct.unpack_from("=8xII", data)
        if kind == SCM_TSTAMP_SND:
            before = self.sent.get(number, Stamp(0, 0))
            self.sent[number] = Stamp(before.software or stamp.software, before.hardware or stamp.hardware)

    def collect_sent(self, count, quiet_s):
        """What the error queue brings, until so many hardware stamps came or none came for so long."""
        self.udp.setblocking(False)
        poll = select.poll()
        poll.register(self.udp, 0)  # POLLERR is always armed
        while sum(1 for stamp in self.sent.values() if stamp.hardware) < count and poll.poll(quiet_s * 1000):
            try:
                while True:
                    self._one_sent()
            except BlockingIOError:
                pass
        return self.sent

    def receive(self):
        """(payload, Stamp) of the next datagram."""
        payload, control, _, _ = self.udp.recvmsg(2048, 512)
        for level, name, data in control:
            if level == socket.SOL_SOCKET and name == SO_TIMESTAMPING_NEW:
                return payload, stamp_of(data)
        return payload, Stamp(0, 0)

    def close(self):
        self.udp.close()


def stamp_of(data):
    seconds = struct.unpack("=6q", data[:48])
    return Stamp(seconds[0] * 10**9 + seconds[1], seconds[4] * 10**9 + seconds[5])


# linux/ptp_clock.h
PTP_SYS_OFFSET, PTP_SYS_OFFSET_PRECISE, PTP_SYS_OFFSET_EXTENDED = 0x43403D05, 0xC0403D08, 0xC4C03D09
Look = collections.namedtuple("Look", "host phc half_width")  # ns; the host's is CLOCK_REALTIME


def _time(data, index):
    seconds, nanoseconds = struct.unpack_from("=qI4x", data, 16 * index)
    return seconds * 10**9 + nanoseconds


def look_precise(clock):
    data = bytearray(64)
    fcntl.ioctl(clock, PTP_SYS_OFFSET_PRECISE, data)
    return Look(_time(data, 1), _time(data, 0), 0)


def _shortest(times):
    """The closest of (before, phc, after)."""
    before, phc, after = min(times, key=lambda three: three[2] - three[0])
    return Look((before + after) // 2, phc, (after - before + 1) // 2)


def look_extended(clock, samples=10):
    data = bytearray(16 + 25 * 3 * 16)
    struct.pack_into("=I", data, 0, samples)
    fcntl.ioctl(clock, PTP_SYS_OFFSET_EXTENDED, data)
    return _shortest([tuple(_time(data, 1 + 3 * i + k) for k in range(3)) for i in range(samples)])


def look_basic(clock, samples=10):
    data = bytearray(16 + 51 * 16)
    struct.pack_into("=I", data, 0, samples)
    fcntl.ioctl(clock, PTP_SYS_OFFSET, data)
    return _shortest([tuple(_time(data, 1 + 2 * i + k) for k in range(3)) for i in range(samples)])
