#!/usr/bin/env python3
"""Malformed, cut and random packets: remarks, never an error of the dissector. And packets of others are left alone."""

import random
import unittest

from base_test import LIGHT_REQUEST, REPLY, REQUEST, SEALED_REPLY, SEALED_REQUEST
from capture import REFLECTOR, SENDER, Capture, Wireshark, main
from tlv_test import BASE, LOCATION, REPLY_BASE, entry, netobs_reply, netobs_request, tlv

SEED = 20231114
DNS_QUERY = bytes.fromhex("12340100000100000000000003777777076578616d706c65036e65740000010001")
RTP = bytes.fromhex("8000000100000000deadbeef") + bytes(160)
# What the dissector knows how to read, as a start for packets that are wrong somewhere.
GOOD = [
    REQUEST, SEALED_REQUEST, REPLY, SEALED_REPLY, LIGHT_REQUEST, REPLY[:28], REPLY[:41], BASE + LOCATION,
    BASE + tlv(3, "01020503" "80010001ee") + tlv(4, "b9590000") + tlv(5, "000000090000000a00000000") + tlv(6, "10020000"),
    BASE + netobs_request(), BASE + netobs_request("c2", "8000", 200),
    REPLY_BASE + netobs_reply(entry("0fff", "11" * 52) + entry("0801", "22" * 8, "01") + entry("8081", "33" * 16, "c0"), 3),
]


def number(packet, value):
    return packet[:12] + bytes([value]) + packet[13:]


class Malformed(unittest.TestCase):
    def remarks(self, *packets):
        """packets: (payload, is a reply). Each one's remarks."""
        capture = Capture()
        for payload, is_reply, *rest in packets:
            (capture.reply if is_reply else capture.request)(payload, captured=rest[0] if rest else None)
        with Wireshark() as wireshark:
            return [packet.experts() - {"stamp.duplicate_reply", "stamp.t1_differs"} for packet in wireshark.dissect(capture)]

    def test_base(self):
        no_multiplier = REQUEST[:13] + b"\0" + REQUEST[14:]
        not_zero = REQUEST[:43] + b"\1" + REQUEST[44:]
        self.assertEqual(
            self.remarks((REQUEST, False), (REQUEST[:13], False), (REQUEST[:1], False), (REPLY[:27], True),
                         (no_multiplier, False), (not_zero, False), (REQUEST, False, 30), (REQUEST, False, 1),
                         (REPLY, True, 43), (SEALED_REPLY, True, 20)),
            [set(), {"stamp.too_short"}, {"stamp.too_short"}, {"stamp.too_short"}, {"stamp.bad_error_estimate"},
             {"stamp.mbz.nonzero"}, {"stamp.cut_off"}, {"stamp.cut_off"}, {"stamp.cut_off"}, {"stamp.cut_off"}])

    def test_tlvs(self):
        many, most = bytes.fromhex("80010000") * 257, bytes.fromhex("80010000") * 256
        sub = tlv(2, "035e" "9c40" + "80010000" * 257)
        areas = [
            (bytes.fromhex("8001 0005 01020304"), {"stamp.tlv.overrun"}),  # points beyond the packet
            (bytes.fromhex("8001 0000 8001"), {"stamp.tlv.overrun"}),      # half a header
            (bytes.fromhex("ffffffff") * 8, {"stamp.tlv.overrun"}),        # padding of TWAMP-Light
            (bytes(100), set()),                                          # as well
            (tlv(4, "b95900"), {"stamp.tlv.wrong_length"}),
            (tlv(5, "00" * 13), {"stamp.tlv.wrong_length"}),
            (tlv(7, ""), {"stamp.tlv.wrong_length"}),
            (tlv(8, "00" * 15), {"stamp.tlv.wrong_length"}),
            (tlv(2, "035e9c"), {"stamp.tlv.wrong_length"}),
            (tlv(2, "035e9c40" "0005000f" + "00" * 15), {"stamp.tlv.wrong_length"}),
            (tlv(2, "035e9c40" "00050011" + "00" * 4), {"stamp.tlv.overrun"}),
            (tlv(2, "035e9c40" "00050002" "0102"), {"stamp.tlv.wrong_length"}),
            (most, set()),
            (many, {"stamp.tlv.too_many"}),
            (most + bytes(8), set()),
            (sub, {"stamp.tlv.too_many"}),
        ]
        found = self.remarks(*[(BASE + area, False) for area, _ in areas])
        self.assertEqual(found, [expected for _, expected in areas])

    def test_net_obs(self):
        good = netobs_reply(entry("0001", ""), 1)

        def changed(at, value):  # at: offset in the value
            return good[:4 + at] + bytes([value]) + good[5 + at:]

        areas = [
            (good, set()),
            (tlv(250, "4e4f4253", "00"), {"netobs.too_short"}),
            (tlv(250, "4e4f4253" "0101" + "00" * 17, "00"), {"netobs.too_short"}),
            (changed(0, 0), set()),  # somebody else's experiment
            (changed(4, 2), {"netobs.wrong_version"}),
            (changed(5, 0), {"netobs.unread", "netobs.unused.nonzero"}),
            (changed(6, 9), {"netobs.too_many_entries", "netobs.truncated_entry"}),
            (changed(6, 2), {"netobs.truncated_entry"}),
            (changed(33, 3), {"netobs.truncated_entry"}),
            (changed(34, 0x80), {"netobs.truncated_entry"}),  # bit 17, whose value is not there
            (netobs_reply(entry("0001", "") + "01", 1), {"netobs.unused.nonzero"}),
        ]
        found = self.remarks(*[(REPLY_BASE + area, True) for area, _ in areas])
        self.assertEqual(found, [expected for _, expected in areas])


class Random(unittest.TestCase):
    """Some thousand packets that are wrong in one place or everywhere. The same ones each time."""

    @staticmethod
    def mutate(generator):
        if generator.random() < 0.1:
            return generator.randbytes(generator.randrange(1, 300))
        packet = bytearray(generator.choice(GOOD))
        for _ in range(generator.randrange(1, 6)):
            at = generator.randrange(len(packet))
            packet[at] = generator.choice((0, 1, 0x7F, 0x80, 0xFF, packet[at] ^ 1 << generator.randrange(8)))
        if generator.random() < 0.3:
            del packet[generator.randrange(1, len(packet) + 1):]
        if generator.random() < 0.1:
            packet += generator.randbytes(generator.randrange(40))
        return bytes(packet)

    def test_no_error(self):
        generator, capture, count = random.Random(SEED), Capture(), 4000
        ports = ((40000, 862), (862, 40000), (862, 862), (40000, 40001))
        for _ in range(count):
            source, destination = generator.choice(ports)
            payload = self.mutate(generator)
            cut = generator.randrange(1, len(payload) + 1) if generator.random() < 0.1 else None
            ends = [(SENDER, source), (REFLECTOR, destination)]
            if generator.random() < 0.5:
                ends = [(REFLECTOR, source), (SENDER, destination)]
            capture.add(payload, *ends, captured=cut)
        with Wireshark() as wireshark:
            path = capture.write(wireshark.path("random.pcap"))
            decode_as = ("-d", "udp.port==40000,stamp")
            once = wireshark.run("-r", path, "-V", *decode_as)
            twice = wireshark.run("-r", path, "-2", "-T", "fields", "-e", "stamp.role", "-e", "stamp.role_by", *decode_as)
        self.assertNotIn("[Malformed Packet", once)
        self.assertEqual(once.count("Simple Two-Way Active Measurement Protocol, re"), count)
        self.assertEqual(sum(line != "\t" for line in twice.splitlines()), count)


class Others(unittest.TestCase):
    def test_what_is_not_ours(self):
        """Without a STAMP port only the Net Obs TLV at its place is a reason to look."""
        capture = Capture()
        others = [(DNS_QUERY, 53), (RTP, 5004), (DNS_QUERY, 40001), (RTP, 40002), (REQUEST, 40003), (SEALED_REPLY, 40004),
                  (bytes(44) + netobs_request(), 40005), (REQUEST[:44] + b"NOBS" * 20, 40006),
                  (netobs_request() + REQUEST, 40007)]
        for payload, port in others:
            capture.add(payload, (SENDER, 41000 + len(capture.frames)), (REFLECTOR, port))
        ours = [(BASE + netobs_request(), 40010), (SEALED_REQUEST[:112] + tlv(1, "00") + netobs_request(), 40011)]
        for payload, port in ours:
            capture.add(payload, (SENDER, 42000 + len(capture.frames)), (REFLECTOR, port))
        capture.add(REPLY, (REFLECTOR, 40010), (SENDER, 42000 + len(others)))  # the same conversation goes on
        with Wireshark() as wireshark:
            protocols = [protocol for protocol, _ in wireshark.columns(capture)]
            roles = wireshark.dissect(capture, "-Y", "stamp")
            switched_off = wireshark.columns(capture, "--disable-heuristic", "stamp_udp")
        self.assertEqual(protocols[0], "DNS")
        self.assertNotIn("STAMP", protocols[:len(others)])
        self.assertEqual(protocols[len(others):], ["STAMP"] * 3)
        self.assertNotIn("STAMP", [protocol for protocol, _ in switched_off])
        self.assertEqual([(p.int("stamp.role"), p.int("stamp.mode")) for p in roles], [(1, 0), (1, 1), (2, 0)])

    def test_without_the_script(self):
        """The checks above would not notice a tshark that knew STAMP by itself."""
        capture = Capture()
        capture.request(REQUEST)
        with Wireshark() as wireshark:
            path = capture.write(wireshark.path("plain.pcap"))
            text = wireshark.run("-r", path, "-T", "fields", "-e", "_ws.col.Protocol", scripts=False)
        self.assertEqual(text.strip(), "UDP")


if __name__ == "__main__":
    main()
