#!/usr/bin/env python3
"""The base packets as the dissector shows them: the vectors of tests/unit/wire, roles, and who answers whom."""

import unittest

from capture import REFLECTOR, SENDER, SENDER_PORT, START_NS, STAMP_PORT, Capture, Wireshark, icmp_error, main

T1 = "e8fe6f801f9add37"  # START_NS as NTP
FOLLOW_UP_AND_HMAC = "80070010" + "00" * 16 + "80080010a4df141cda58aebf4afc0346bda4a2e7"
REQUEST = bytes.fromhex("00000001" + T1 + "8601002a" + "00" * 28 + FOLLOW_UP_AND_HMAC)
SEALED_REQUEST = bytes.fromhex("00000001" + "00" * 12 + T1 + "8601002a" + "00" * 68
                               + "17c5cce972ffca7f714e166d7f8fc0be" + FOLLOW_UP_AND_HMAC)
# T2 = START_NS + 50 us, T3 = T2 + 12345 ns.
REPLY = bytes.fromhex("01020304" "e8fe6f801f9ef331" "0587" "2122" "e8fe6f801f9e2414" "41424344" + T1
                      + "8587" "0000" "71" "000000")
SEALED_REPLY = bytes.fromhex("01020304" + "00" * 12 + "e8fe6f801f9ef331" "0587" "2122" + "00" * 4 + "e8fe6f801f9e2414"
                             + "00" * 8 + "41424344" + "00" * 12 + T1 + "8587" + "00" * 6 + "71" + "00" * 15
                             + "ab" * 16)
PTP_T1 = "6553f100" "075bcd15"  # START_NS, without an offset of TAI
PTP_REPLY = bytes.fromhex("00000007" "6553f100" "075c90ad" "c587" "0005" "6553f100" "075c6074" "00000009" + PTP_T1
                          + "c587" "0000" "ff" "000000")
LIGHT_REQUEST = bytes.fromhex("00000007" + T1 + "0587" "abcdef0123")
COMMON = {"stamp.seq": 1, "stamp.ssid": 42, "stamp.error_estimate": 0x8601, "stamp.error_estimate.s": 1,
          "stamp.error_estimate.z": 0, "stamp.error_estimate.scale": 6, "stamp.error_estimate.multiplier": 1,
          "stamp.error_estimate.bound": 15}  # 64 / 2^32 s = 14.9 ns
ANSWERED = {"stamp.role": 2, "stamp.seq": 0x01020304, "stamp.ssid": 0x2122, "stamp.error_estimate": 0x0587,
            "stamp.error_estimate.s": 0, "stamp.error_estimate.bound": 1006, "stamp.sender.seq": 0x41424344,
            "stamp.sender.error_estimate": 0x8587, "stamp.sender.error_estimate.s": 1, "stamp.sender.ttl": 0x71}


class Case(unittest.TestCase):
    maxDiff = None

    def numbers(self, packet, expected):
        self.assertEqual({name: packet.int(name) for name in expected}, expected)

    def times(self, packet, **since_start):
        self.assertEqual({name: packet.time_ns(f"stamp.{name}") - START_NS for name in since_start}, since_start)


class BasePackets(Case):
    @classmethod
    def setUpClass(cls):
        capture = Capture()
        for payload in (REQUEST, SEALED_REQUEST, LIGHT_REQUEST, LIGHT_REQUEST[:14], REQUEST[:43]):
            capture.request(payload)
        for payload in (REPLY, SEALED_REPLY, PTP_REPLY, REPLY[:28], REPLY[:38], REPLY[:41], REPLY[:43]):
            capture.reply(payload)
        with Wireshark() as wireshark:
            packets = wireshark.dissect(capture)
            cls.columns = wireshark.columns(capture)
            cls.tai = wireshark.dissect(capture, "-o", "stamp.tai_offset:37", "-Y", "frame.number == 8")[0]
        cls.plain, cls.sealed, cls.light, cls.lightest, cls.almost = packets[:5]
        cls.reply, cls.sealed_reply, cls.ptp = packets[5:8]
        cls.shorts = dict(zip((28, 38, 41, 43), packets[8:]))

    def test_request(self):
        self.numbers(self.plain, {"stamp.role": 1, "stamp.mode": 0} | COMMON)
        self.times(self.plain, t1=0)
        self.assertEqual(self.plain.text("stamp.role_by"), "port")
        self.assertEqual(self.plain.octets("stamp.mbz"), bytes(28))
        self.assertNotIn("stamp.short", self.plain)
        self.assertEqual(self.plain.all("stamp.tlv.type"), ["7", "8"])

    def test_authenticated_request(self):
        self.numbers(self.sealed, {"stamp.role": 1, "stamp.mode": 1} | COMMON)
        self.times(self.sealed, t1=0)
        self.assertEqual([len(octets) for octets in self.sealed.all("stamp.mbz")], [3 * 12 - 1, 3 * 68 - 1])
        self.assertEqual(self.sealed.octets("stamp.hmac").hex(), "17c5cce972ffca7f714e166d7f8fc0be")
        self.assertEqual(self.sealed.octets("stamp.tlv.hmac").hex(), "a4df141cda58aebf4afc0346bda4a2e7")

    def test_reply(self):
        self.numbers(self.reply, {"stamp.mode": 0} | ANSWERED)
        self.times(self.reply, t1=0, t2=50_000, t3=62_345)
        self.assertEqual(self.reply.duration_ns("stamp.residence"), 12_345)
        self.assertEqual(self.reply.duration_ns("stamp.forward"), 50_000)
        self.assertEqual(self.reply.time_ns("stamp.t4"), START_NS + 5000)  # its time in the capture
        self.assertEqual(self.reply.all("stamp.mbz"), ["00:00", "00:00:00"])

    def test_authenticated_reply(self):
        self.numbers(self.sealed_reply, {"stamp.mode": 1} | ANSWERED)
        self.times(self.sealed_reply, t1=0, t2=50_000, t3=62_345)
        self.assertEqual([(len(octets) + 1) // 3 for octets in self.sealed_reply.all("stamp.mbz")],
                         [12, 4, 8, 12, 6, 15])
        self.assertEqual(self.sealed_reply.octets("stamp.hmac"), b"\xab" * 16)

    def test_ptp(self):
        self.numbers(self.ptp, {"stamp.error_estimate.z": 1, "stamp.sender.error_estimate.z": 1,
                                "stamp.error_estimate.bound": 1006})
        self.times(self.ptp, t1=0, t2=0x5C6074 - 0x5BCD15, t3=0x5C90AD - 0x5BCD15)
        self.assertEqual(self.ptp.duration_ns("stamp.residence"), 0x5C90AD - 0x5C6074)
        self.times(self.tai, t1=-37 * 10**9)

    def test_twamp_light_requests(self):
        for packet in (self.light, self.lightest, self.almost):
            self.assertTrue(packet.true("stamp.short"))
            self.assertNotIn("stamp.ssid", packet)
            self.times(packet, t1=0)
        self.assertEqual(self.light.octets("stamp.padding").hex(), "abcdef0123")
        self.assertNotIn("stamp.padding", self.lightest)
        self.assertEqual(self.almost.octets("stamp.padding").hex(), "002a" + "00" * 27)
        self.assertEqual([p.experts() for p in (self.light, self.lightest, self.almost)], [set()] * 3)

    def test_short_replies(self):
        for size, packet in self.shorts.items():
            self.assertTrue(packet.true("stamp.short"), size)
            self.times(packet, t2=50_000, t3=62_345)
            self.numbers(packet, {"stamp.sender.seq": 0x41424344})
            self.assertEqual(packet.duration_ns("stamp.residence"), 12_345)
            self.assertNotIn("stamp.ssid", packet)
            self.assertEqual("stamp.t1" in packet, size >= 36, size)
            self.assertEqual("stamp.sender.error_estimate" in packet, size >= 38, size)
            self.assertEqual("stamp.sender.ttl" in packet, size >= 41, size)
            self.assertEqual(packet.experts(), set(), size)

    def test_columns(self):
        self.assertEqual(self.columns[0], ("STAMP", "STAMP request seq=1 ssid=42"))
        self.assertEqual(self.columns[2], ("STAMP", "STAMP request seq=7"))
        self.assertEqual(self.columns[5], ("STAMP", "STAMP reply seq=16909060 of 1094861636 ssid=8482, residence 12.3 us"))


class Times(Case):
    """NTP's eras end in 2036; which one is meant follows from when the packet was captured."""

    def test_eras_and_zero(self):
        era_end = 2_085_978_496 * 10**9  # 2036-02-07 06:28:16 UTC
        capture = Capture()
        capture.request(bytes.fromhex("00000001" "ffffffff00000000" "0587"), at_ns=era_end - 10**9)
        capture.request(bytes.fromhex("00000001" "0000000080000000" "0587"), at_ns=era_end)
        capture.request(bytes.fromhex("00000001" "ffffffff00000000" "0587"), at_ns=era_end + 10**9)
        capture.request(bytes.fromhex("00000001" "e8fe6f80fffffffc" "0587"))  # does not spill into the seconds
        capture.request(bytes.fromhex("00000001" "e8fe6f80ffffffff" "0587"))  # does
        capture.reply(REPLY[:4] + bytes(8) + REPLY[12:])
        with Wireshark() as wireshark:
            packets = wireshark.dissect(capture)
        self.assertEqual([packet.time_ns("stamp.t1") for packet in packets[:5]],
                         [era_end - 10**9, era_end + 5 * 10**8, era_end - 10**9, 1_700_000_000_999_999_999,
                          1_700_000_001_000_000_000])
        self.assertNotIn("stamp.residence", packets[5])
        self.assertIn("stamp.t3", packets[5])

    def test_negative_residence(self):
        capture = Capture()
        capture.reply(REPLY[:4] + REPLY[16:24] + REPLY[12:16] + REPLY[4:12] + REPLY[24:])
        capture.reply(bytes.fromhex("00000001" "6553f100" "3b9ac9ff" "c587" "0005" "6553f102" "00000000") + REPLY[24:])
        with Wireshark() as wireshark:
            packets = wireshark.dissect(capture)
        self.assertEqual([packet.duration_ns("stamp.residence") for packet in packets], [-12_345, -1_000_000_001])
        self.assertEqual([packet.experts() for packet in packets], [{"stamp.t3_before_t2"}] * 2)


class Roles(Case):
    """The rules of tools/wireshark/README.md, one after the other."""

    def test_roles(self):
        def packet(payload, source_port, destination_port, source=SENDER, destination=REFLECTOR):
            capture.add(payload, (source, source_port), (destination, destination_port))
            return lambda packets, number=len(capture.frames): packets[number - 1]

        capture = Capture()
        padded = REQUEST[:16] + b"\x55" * 28
        netobs = REQUEST[:44] + bytes.fromhex("80fa0018" "4e4f4253" "01" "01") + bytes(18)
        expected = [
            (packet(REPLY, 5000, 862), 1, "port"),
            (packet(REQUEST, 862, 5001), 2, "port"),
            (packet(netobs, 862, 862), 2, "Net Obs flag"),
            (packet(REQUEST, 863, 862 + 8138), 1, "content"),
            (packet(REPLY, 863, 9001), 2, "content"),
            (packet(SEALED_REQUEST, 864, 9002), 1, "content"),
            (packet(SEALED_REPLY, 864, 9003), 2, "content"),
            (packet(padded, 9004, 865), 1, "guess"),
            (packet(REQUEST, 9004, 865), 1, "content"),
            (packet(padded, 9004, 865), 1, "conversation"),
            (packet(padded, 865, 9004, REFLECTOR, SENDER), 2, "conversation"),
        ]
        with Wireshark() as wireshark:
            ports = [option for port in (863, 864, 865) for option in ("-d", f"udp.port=={port},stamp")]
            packets = wireshark.dissect(capture, *ports)
            preferred = wireshark.dissect(capture, "-o", "stamp.ports:862-864,9004")
        for number, (pick, role, how) in enumerate(expected):
            found = pick(packets)
            self.assertEqual((found.int("stamp.role"), found.text("stamp.role_by")), (role, how), number)
        self.assertEqual([p.text("stamp.role_by") for p in preferred[7:]], ["port"] * 4)
        self.assertEqual([p.int("stamp.role") for p in preferred[3:]], [2, 2, 2, 2, 2, 2, 2, 1])

    def test_mode_preference(self):
        capture = Capture()
        capture.request(SEALED_REQUEST)
        capture.request(REQUEST + bytes(28))
        with Wireshark() as wireshark:
            modes = [[p.int("stamp.mode") for p in wireshark.dissect(capture, *options)]
                     for options in ((), ("-o", "stamp.mode:Unauthenticated"), ("-o", "stamp.mode:Authenticated"))]
        self.assertEqual(modes, [[1, 0], [0, 0], [1, 1]])


class Exchanges(Case):
    def make(self, sequence, ssid, t1=T1):
        request = bytes.fromhex(f"{sequence:08x}{t1}8587{ssid:04x}" + "00" * 28)
        reply = bytes.fromhex(f"00000000e8fe6f801f9ef3310587{ssid:04x}e8fe6f801f9e2414{sequence:08x}{t1}85870000ff000000")
        return request, reply

    def test_matching(self):
        capture = Capture()
        one, answer_one = self.make(1, 5)
        two, answer_two = self.make(2, 5)
        other, answer_other = self.make(1, 6)
        zero = answer_two[:14] + b"\0\0" + answer_two[16:]
        swapped = answer_one[:28] + bytes.fromhex("e8fe6f8000000000") + answer_one[36:]
        at = iter(START_NS + step for step in (0, 1000, 2000, 53_000, 54_000, 2_000_054_000, 2_000_060_000, 3_000_000_000,
                                               3_000_000_001, 3_000_000_002))
        frames = [capture.request(one, at_ns=next(at)), capture.request(other, at_ns=next(at)),
                  capture.request(two, at_ns=next(at)),
                  capture.reply(answer_one, at_ns=next(at)),      # 4: 53 us after frame 1
                  capture.reply(answer_other, at_ns=next(at)),    # 5: another session, frame 2
                  capture.reply(zero, at_ns=next(at)),            # 6: does not copy the SSID; frame 3
                  capture.reply(zero, at_ns=next(at)),            # 7: once more
                  capture.request(one, at_ns=next(at)),           # 8: the number again
                  capture.reply(swapped, at_ns=next(at)),         # 9: its answer, T1 is not what was sent
                  capture.reply(self.make(77, 5)[1], at_ns=next(at))]  # 10: nothing was asked
        self.assertEqual(frames, list(range(1, 11)))
        with Wireshark() as wireshark:
            packets = [None, *wireshark.dissect(capture)]
        pairs = {1: 4, 2: 5, 3: 6, 8: 9}
        self.assertEqual({n: p.int("stamp.response_in") for n, p in enumerate(packets) if p and "stamp.response_in" in p},
                         pairs)
        self.assertEqual({n: p.int("stamp.request_in") for n, p in enumerate(packets) if p and "stamp.request_in" in p},
                         {4: 1, 5: 2, 6: 3, 7: 3, 9: 8})
        self.assertEqual([packets[n].duration_ns("stamp.rtt") for n in (4, 1, 5, 6, 9)],
                         [53_000, 53_000, 53_000, 2_000_052_000, 1])
        self.assertEqual(packets[4].duration_ns("stamp.net_rtt"), 53_000 - 12_345)
        self.assertEqual([n for n, p in enumerate(packets) if p and "stamp.duplicate_reply" in p.experts()], [7])
        self.assertEqual([n for n, p in enumerate(packets) if p and "stamp.t1_differs" in p.experts()], [9])

    def test_both_ways_on_one_pair_of_ports(self):
        """Two hosts that measure each other, 862 to 862, with the same numbers."""
        capture = Capture()
        request, reply = self.make(1, 5)
        here, there = (SENDER, STAMP_PORT), (REFLECTOR, STAMP_PORT)
        capture.add(request, here, there)
        capture.add(request, there, here)
        capture.add(reply, here, there)
        capture.add(reply, there, here)
        with Wireshark() as wireshark:
            packets = wireshark.dissect(capture)
        self.assertEqual([p.int("stamp.role") for p in packets], [1, 1, 2, 2])
        self.assertEqual([p.int("stamp.request_in") for p in packets[2:]], [2, 1])

    def test_ipv6_and_quoted_packets(self):
        capture = Capture()
        request, reply = self.make(1, 5)
        here, there = ("fd00::1", SENDER_PORT), ("fd00::2", STAMP_PORT)
        capture.add(request, here, there)
        capture.add(reply, there, here)
        capture.request(request)
        capture.add_frame(icmp_error(request))
        capture.reply(reply)
        with Wireshark() as wireshark:
            packets = wireshark.dissect(capture)
        self.assertEqual(packets[1].int("stamp.request_in"), 1)
        self.assertEqual(packets[3].int("stamp.seq"), 1)
        self.assertEqual(packets[4].int("stamp.request_in"), 3)


if __name__ == "__main__":
    main()
