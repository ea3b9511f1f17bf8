"""Captures made octet by octet, and what tshark with the dissector of tools/wireshark reads in them."""

import calendar
import ipaddress
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import time
import unittest

SOURCES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../tools/wireshark")
SENDER, REFLECTOR = "198.18.7.1", "198.18.7.2"
SENDER_PORT, STAMP_PORT = 40000, 862
START_NS = 1_700_000_000_123_456_789  # 2023-11-14 22:13:20 UTC
NANOSECOND_PCAP, ETHERNET = 0xA1B23C4D, 1


def checksum(octets):
    total = sum(struct.unpack(f"!{len(octets) // 2}H", octets))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def ipv4(source, destination, protocol, payload):
    header = struct.pack("!BBHIBBH4s4s", 0x45, 0, 20 + len(payload), 0, 255, protocol, 0,
                         ipaddress.ip_address(source).packed, ipaddress.ip_address(destination).packed)
    return header[:10] + struct.pack("!H", checksum(header)) + header[12:] + payload


def ipv6(source, destination, protocol, payload):
    return struct.pack("!IHBB16s16s", 0x60000000, len(payload), protocol, 255, ipaddress.ip_address(source).packed,
                       ipaddress.ip_address(destination).packed) + payload


def udp(source_port, destination_port, payload):
    return struct.pack("!HHHH", source_port, destination_port, 8 + len(payload), 0) + payload


def icmp_error(payload):
    """A frame: the reflector's port is unreachable, with the request that found it so."""
    quoted = ipv4(SENDER, REFLECTOR, 17, udp(SENDER_PORT, STAMP_PORT, payload))
    message = struct.pack("!BBHI", 3, 3, 0, 0) + quoted
    message = message[:2] + struct.pack("!H", checksum(message)) + message[4:]
    return bytes(12) + b"\x08\x00" + ipv4(REFLECTOR, SENDER, 1, message)


class Capture:
    """Frames in the order of their times. Each `add` returns the frame's number."""

    def __init__(self):
        self.frames = []

    def add_frame(self, octets, at_ns=None, captured=None):
        at_ns = START_NS + 1000 * len(self.frames) if at_ns is None else at_ns
        self.frames.append((at_ns, octets[:captured], len(octets)))
        return len(self.frames)

    def add(self, payload, source=(SENDER, SENDER_PORT), destination=(REFLECTOR, STAMP_PORT), at_ns=None,
            captured=None):
        """captured: so many octets of the payload are in the capture; all of them by default."""
        datagram = udp(source[1], destination[1], payload)
        six = ":" in source[0]
        packet = (ipv6 if six else ipv4)(source[0], destination[0], 17, datagram)
        frame = bytes(12) + (b"\x86\xdd" if six else b"\x08\x00") + packet
        cut = None if captured is None else len(frame) - len(payload) + captured
        return self.add_frame(frame, at_ns, cut)

    def request(self, payload, **more):
        return self.add(payload, **more)

    def reply(self, payload, **more):
        return self.add(payload, (REFLECTOR, STAMP_PORT), (SENDER, SENDER_PORT), **more)

    def write(self, path):
        with open(path, "wb") as file:
            file.write(struct.pack("<IHHiIII", NANOSECOND_PCAP, 2, 4, 0, 0, 262144, ETHERNET))
            for at_ns, octets, length in self.frames:
                file.write(struct.pack("<IIII", at_ns // 10**9, at_ns % 10**9, len(octets), length) + octets)
        return path


class Packet:
    """What tshark shows of one frame: every field's values as text, in the order of the packet."""

    def __init__(self, layers):
        self.fields = {}
        self.remarks = set()
        self.trees = {}
        self._collect(layers)

    def _collect(self, pairs):
        for name, value in pairs:
            if name == "_ws.expert":
                self.remarks |= {key for key, _ in value if key.startswith(("stamp.", "netobs."))}
            if isinstance(value, list) and value and isinstance(value[0], tuple):
                self.trees.setdefault(name, []).append(value)
                self._collect(value)
            for each in value if isinstance(value, list) else [value]:
                if not isinstance(each, tuple):
                    self.fields.setdefault(name, []).append(each)

    def __contains__(self, name):
        return name in self.fields

    def all(self, name):
        return self.fields.get(name, [])

    def text(self, name):
        """The value of a field that is there once."""
        values = self.all(name)
        if len(values) != 1:
            raise AssertionError(f"{name} is there {len(values)} times: {sorted(self.fields)}")
        return values[0]

    def int(self, name):
        return int(self.text(name), 0)

    def octets(self, name):
        return bytes.fromhex(self.text(name).replace(":", ""))

    def parts(self, name):
        """Each tree of this name, as a packet of its own."""
        return [Packet(tree) for tree in self.trees.get(name, [])]

    def experts(self):
        """Names of this dissector's remarks."""
        return self.remarks

    def true(self, name):
        return self.text(name) in ("1", "True", True)

    def time_ns(self, name):
        return absolute_ns(self.text(name))

    def times(self, name):
        return [absolute_ns(text) for text in self.all(name)]

    def epoch_ns(self):
        """When it was captured."""
        seconds, fraction = self.text("frame.time_epoch").split(".")
        return int(seconds) * 10**9 + int(fraction)

    def duration_ns(self, name):
        return duration_ns(self.text(name))


def duration_ns(text):
    sign, seconds, fraction = re.fullmatch(r"(-?)(\d+)\.(\d{9})(?: seconds)?", text).groups()
    return (-1 if sign else 1) * (int(seconds) * 10**9 + int(fraction))


def absolute_ns(text):
    """Wireshark 4.0 to 4.2 write "Nov 14, 2023 22:13:20.123456789 UTC", 4.4 writes ISO 8601."""
    seconds, fraction = re.fullmatch(r"(.*:\d\d)\.(\d{9})(?: UTC|Z)", text).groups()
    layout = "%Y-%m-%dT%H:%M:%S" if "T" in seconds else "%b %d, %Y %H:%M:%S"
    return calendar.timegm(time.strptime(" ".join(seconds.split()), layout)) * 10**9 + int(fraction)


class Wireshark:
    """tshark with the dissector and a working folder of its own. Wireshark 4.4 runs no scripts as root, so that
    root becomes somebody else here, who may not be able to read the sources."""

    NOBODY = 65534
    HARMLESS = ("Running as user", "cut short in the middle of a packet")

    def __enter__(self):
        self._folder = tempfile.TemporaryDirectory(prefix="netobs-wireshark-")
        self.work = self._folder.name
        os.chmod(self.work, 0o755)
        shutil.copytree(SOURCES, self.path("dissector"))
        self._env = dict(os.environ, HOME=self.work, LC_ALL="C.UTF-8", TZ="UTC")
        self._env.pop("XDG_CONFIG_HOME", None)
        self._as = {"user": self.NOBODY, "group": self.NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
        return self

    def __exit__(self, *_):
        self._folder.cleanup()

    def path(self, name):
        return os.path.join(self.work, name)

    def run(self, *args, scripts=True, first=False):
        """tshark's standard output. It must not complain, and a Lua error is an error wherever it shows. first: the
        arguments come before the script, as -G wants it."""
        script = ["-X", f"lua_script:{self.path('dissector/netobs.lua')}"] if scripts else []
        command = ["tshark", *args, *script] if first else ["tshark", "-n", *script, *args]
        done = subprocess.run(command, capture_output=True, text=True, errors="replace",
                              check=False, timeout=120, env=self._env, cwd=self.work, **self._as)
        complaints = [line for line in done.stderr.splitlines()
                      if line and not any(text in line for text in self.HARMLESS)]
        if done.returncode != 0 or complaints:
            raise AssertionError(f"tshark {args}: status {done.returncode}\n" + "\n".join(complaints))
        if "Lua Error: " in done.stdout:
            at = done.stdout.index("Lua Error: ")
            raise AssertionError("the dissector failed: " + done.stdout[at:at + 300])
        return done.stdout

    def dissect(self, capture, *options):
        """Every frame's fields. Two passes, so that a request knows its reply. capture: a Capture, or a path."""
        text = self.run("-r", self._file(capture), "-2", "-T", "json", *options)
        frames = json.loads(text, object_pairs_hook=list)
        return [Packet(dict(dict(frame)["_source"])["layers"]) for frame in frames]

    def columns(self, capture, *options):
        """Protocol and info column of every frame."""
        text = self.run("-r", self._file(capture), "-2", "-T", "fields", "-e", "_ws.col.Protocol", "-e", "_ws.col.Info",
                        *options)
        return [tuple(line.split("\t", 1)) for line in text.splitlines()]

    def _file(self, capture):
        if isinstance(capture, str):
            return capture
        return capture.write(self.path(f"{len(os.listdir(self.work))}.pcap"))


def main():
    """Runs the tests of the script; status 77 says that tshark is missing."""
    if not shutil.which("tshark"):
        print("skipped: needs tshark (tools/setup --for test)")
        sys.exit(77)
    unittest.main(verbosity=2)
