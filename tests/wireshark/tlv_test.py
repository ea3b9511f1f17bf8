#!/usr/bin/env python3
"""The TLVs of RFC 8972 and the Net Obs TLV as the dissector shows them, octet by octet."""

import os
import re
import unittest

from capture import SOURCES, START_NS, Capture, Wireshark, main

BASE = bytes.fromhex("00000001" "e8fe6f801f9add37" "8601" "002a") + bytes(28)
REPLY_BASE = BASE[:16] + bytes.fromhex("e8fe6f801f9add37" "00000001" "e8fe6f801f9add37" "8601" "0000" "ff" "000000")
BASE_NS = 1_700_000_000_123_456_789  # base of an entry
ANSWERED_BEFORE = {"stamp.duplicate_reply"}  # all replies here have the same number
POINT_HPP = os.path.join(SOURCES, "../../engine/core/layer/point.hpp")


def tlv(kind, value, flags="80"):
    value = bytes.fromhex(value)
    return bytes.fromhex(flags) + bytes([kind]) + len(value).to_bytes(2, "big") + value


LOCATION = tlv(2, "035e" "9c40"
               "80010008" + "00" * 8
               + "00020008" "020000000001" "0000"
               + "00030008" "0200000000000002"
               + "80040010" + "00" * 16
               + "00050010" "c6120702" + "00" * 12
               + "00060010" "fd000000000000000000000000000002"
               + "80070010" + "00" * 16
               + "00080010" "c6120701" + "00" * 12
               + "00090010" "fd000000000000000000000000000001")


class Standard(unittest.TestCase):
    """One packet for each type of RFC 8972."""

    @classmethod
    def setUpClass(cls):
        capture = Capture()
        for area in (tlv(1, "aabbcc", "00"), LOCATION, tlv(3, "01020503" "80010001ee"), tlv(4, "b9590000"),
                     tlv(5, "00000009" "0000000a" "ffffffff"), tlv(6, "10020000"),
                     tlv(7, "00000005" "e8fe6f801f9add37" "02000000") + tlv(8, "0102030405060708090a0b0c0d0e0f10"),
                     tlv(7, "00" * 16), tlv(1, "") + tlv(9, "c6120702") + tlv(200, "beef", "7f") + bytes(7),
                     tlv(240, "cafe")):
            capture.request(BASE + area)
        capture.reply(REPLY_BASE + tlv(200, "beef", "e0") + tlv(1, "00", "00"))
        capture.reply(REPLY_BASE[:12] + bytes.fromhex("c601") + REPLY_BASE[14:]
                      + tlv(7, "00000005" "6553f100075bcd15" "01000000", "00"))
        with Wireshark() as wireshark:
            (cls.padding, cls.location, cls.information, cls.service, cls.direct, cls.access, cls.follow_up,
             cls.no_follow_up, cls.several, cls.experiment, cls.marked, cls.ptp) = wireshark.dissect(capture)

    def test_extra_padding(self):
        self.assertEqual((self.padding.int("stamp.tlv.flags"), self.padding.int("stamp.tlv.type"),
                          self.padding.int("stamp.tlv.length")), (0, 1, 3))
        self.assertEqual(self.padding.octets("stamp.tlv.padding").hex(), "aabbcc")

    def test_location(self):
        prefix = "stamp.tlv.location."
        self.assertEqual(self.location.int(prefix + "destination_port"), 862)
        self.assertEqual(self.location.int(prefix + "source_port"), 40000)
        self.assertEqual([int(kind) for kind in self.location.all(prefix + "type")], list(range(1, 10)))
        self.assertEqual([int(size) for size in self.location.all("stamp.tlv.sub.length")], [8] * 3 + [16] * 6)
        self.assertEqual(self.location.text(prefix + "source_eui48"), "02:00:00:00:00:01")
        self.assertEqual(self.location.octets(prefix + "source_eui64").hex(), "0200000000000002")
        self.assertEqual(self.location.text(prefix + "destination_ipv4"), "198.18.7.2")
        self.assertEqual(self.location.text(prefix + "destination_ipv6"), "fd00::2")
        self.assertEqual(self.location.text(prefix + "source_ipv4"), "198.18.7.1")
        self.assertEqual(self.location.text(prefix + "source_ipv6"), "fd00::1")
        self.assertEqual(self.location.experts(), set())

    def test_timestamp_information(self):
        prefix = "stamp.tlv.timestamp_info."
        self.assertEqual([self.information.int(prefix + name) for name in ("sync_in", "method_in", "sync_out", "method_out")],
                         [1, 2, 5, 3])
        self.assertEqual(self.information.octets("stamp.tlv.sub.value").hex(), "ee")

    def test_class_of_service(self):
        # b959 = 101110 010101 10 01
        self.assertEqual([self.service.int(f"stamp.tlv.cos.{name}") for name in ("dscp1", "dscp2", "ecn", "rp")],
                         [46, 21, 2, 1])

    def test_direct_measurement(self):
        self.assertEqual([self.direct.int(f"stamp.tlv.direct.{name}")
                          for name in ("sender_tx", "reflector_rx", "reflector_tx")], [9, 10, 4294967295])

    def test_access_report(self):
        self.assertEqual((self.access.int("stamp.tlv.access.id"), self.access.int("stamp.tlv.access.return_code")), (1, 2))

    def test_follow_up_and_hmac(self):
        self.assertEqual(self.follow_up.int("stamp.tlv.follow_up.seq"), 5)
        self.assertEqual(self.follow_up.time_ns("stamp.tlv.follow_up.timestamp"), START_NS)
        self.assertEqual(self.follow_up.int("stamp.tlv.follow_up.method"), 2)
        self.assertEqual(self.follow_up.octets("stamp.tlv.hmac").hex(), "0102030405060708090a0b0c0d0e0f10")
        self.assertNotIn("stamp.tlv.follow_up.timestamp", self.no_follow_up)
        self.assertEqual(self.ptp.time_ns("stamp.tlv.follow_up.timestamp"), START_NS)
        self.assertEqual(self.ptp.int("stamp.tlv.follow_up.method"), 1)

    def test_several_and_unknown(self):
        self.assertEqual([int(kind) for kind in self.several.all("stamp.tlv.type")], [1, 9, 200])
        self.assertEqual(self.several.all("stamp.tlv.value"), ["c6:12:07:02", "be:ef"])
        self.assertEqual([int(flag, 0) for flag in self.several.all("stamp.tlv.flags.reserved")], [0, 0, 0x1F])
        self.assertEqual(self.several.octets("stamp.trailer"), bytes(7))
        self.assertEqual(self.several.experts(), set())
        self.assertEqual(self.experiment.octets("stamp.tlv.value").hex(), "cafe")

    def test_what_the_reflector_says(self):
        self.assertEqual([self.marked.all(f"stamp.tlv.flags.{flag}") for flag in "umi"], [["1", "0"]] * 3)
        self.assertEqual(self.marked.experts(),
                         {"stamp.tlv.unrecognised", "stamp.tlv.malformed", "stamp.tlv.integrity"})


def netobs_request(flags="00", points="0801", room=6):
    return tlv(250, "4e4f4253" "01" + flags + "0000" + points + "0000" + "00" * 12 + "00" * room)


def netobs_reply(entries, count, flags="01", points="0fff", on_path="0000", room=0):
    return tlv(250, "4e4f4253" "01" + flags + f"{count:02x}" "05" + points + on_path
               + "1122334455667788" "00000007" + entries + "00" * room, "00")


def entry(mask, values, flags="00", bound="00", base=BASE_NS):
    return "00000005" "00000006" + mask + flags + bound + f"{base:016x}" + values


class NetObs(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        capture = Capture()
        capture.request(BASE + netobs_request())
        capture.request(BASE + netobs_request("c2", "8000", 0))
        # ReplyLayout of tests/unit/wire/netobs_tlv_test.cpp, but for a base in this century.
        first = entry("08a1", f"{BASE_NS + 1000:016x}" "fffffffe" "00000003")
        capture.reply(REPLY_BASE + netobs_reply(first, 1, "03", "00a1", "1801", 3))
        wide = entry("0801", f"{0x80000000:016x}", "01")
        wraps = entry("0801", f"{2**63 - BASE_NS:016x}", "01")
        capture.reply(REPLY_BASE + netobs_reply(wide + wraps, 2))
        hardware = entry("0060", f"{9:016x}" f"{-5 % 2**64:016x}", "1e", base=0)
        capture.reply(REPLY_BASE + netobs_reply(hardware + entry("0000", "", base=0), 2))
        # Bits 15, 16 and 17: pcap_tx, pcap_rx and one that nobody has.
        further = entry("8081", "fffffc18" "0000000a" "fffffc2c" "00000001", "c0")
        capture.reply(REPLY_BASE + netobs_reply(further, 1, "61", "8001", "8001"))
        bounds = "".join(entry("0020", f"{BASE_NS:016x}", bound=code) for code in ("01", "07", "08", "09", "10", "28", "f7", "ff"))
        capture.reply(REPLY_BASE + netobs_reply(bounds, 8))
        both = entry("0061", f"{BASE_NS + 500:016x}" f"{BASE_NS - 300:016x}", bound="28")
        capture.reply(REPLY_BASE + netobs_reply(both, 1))
        capture.reply(REPLY_BASE + netobs_request())
        capture.reply(REPLY_BASE + netobs_reply(entry("0001", "") * 9, 9))
        with Wireshark() as wireshark:
            path = capture.write(wireshark.path("listed.pcap"))
            cls.listed = {text: [int(line.split()[0]) for line in wireshark.run("-r", path, "-Y", text).splitlines()]
                          for text in ("netobs.point.app_tx", "netobs.delta.app_tx", "netobs.delta.app_rx < 0.000000006",
                                       "netobs.unknown_point", "netobs.entry.flags.wide == 1")}
            (cls.request, cls.warm_up, cls.reply, cls.wide, cls.hardware, cls.further, cls.bounds, cls.converted,
             cls.unread, cls.nine) = wireshark.dissect(capture)
            cls.columns = wireshark.columns(capture)

    def point(self, packet, name):
        return packet.time_ns(f"netobs.point.{name}") - BASE_NS

    def test_request(self):
        self.assertEqual([self.request.int(f"netobs.{name}") for name in ("magic", "version", "flags", "points")],
                         [0x4E4F4253, 1, 0, 0x0801])
        self.assertEqual(self.request.octets("netobs.unused"), bytes(6))
        self.assertFalse(self.request.true("netobs.flags.not_measured"))
        self.assertEqual(self.columns[0][1], "STAMP request seq=1 ssid=42")

    def test_request_that_is_not_measured(self):
        self.assertTrue(self.warm_up.true("netobs.flags.not_measured"))
        self.assertEqual(self.warm_up.int("netobs.points"), 0x38000)
        self.assertNotIn("netobs.unused", self.warm_up)
        self.assertEqual(self.columns[1][1], "STAMP request seq=1 ssid=42, not measured")

    def test_reply(self):
        expected = {"flags": 3, "flags.reply": 1, "flags.base_is_xdp": 1, "entries": 1, "clock_steps": 5, "points": 0xA1,
                    "on_path": 0x1801, "clock_identity": 0x1122334455667788, "dropped": 7, "entry.seq": 5,
                    "entry.sender_seq": 6, "entry.points": 0x08A1, "entry.flags": 0, "entry.nic_bound": 0,
                    "entry.base": BASE_NS}
        self.assertEqual({name: self.reply.int(f"netobs.{name}") for name in expected}, expected)
        self.assertEqual([self.point(self.reply, name) for name in ("app_tx", "tx_hardware", "rx_software", "app_rx")],
                         [0, 1000, -2, 3])
        # In the order of the path: rx_software, app_rx, app_tx; the NIC's clock is another one.
        self.assertEqual(self.reply.duration_ns("netobs.delta.app_rx"), 5)
        self.assertEqual(self.reply.duration_ns("netobs.delta.app_tx"), -3)
        self.assertNotIn("netobs.delta.rx_software", self.reply)
        self.assertNotIn("netobs.delta.tx_hardware", self.reply)
        self.assertEqual(self.reply.octets("netobs.unused"), bytes(3))
        self.assertEqual(self.reply.experts(), set())
        self.assertEqual(self.columns[2][1], "STAMP reply seq=1 of 1 ssid=42, residence 0 ns, 1 entry")

    def test_wide(self):
        times = [int(text) for text in self.wide.all("netobs.entry.base")]
        self.assertEqual(times, [BASE_NS, BASE_NS])
        first, second = self.wide.times("netobs.point.app_rx")
        self.assertEqual(first - BASE_NS, 0x80000000)
        self.assertEqual(second, -2**63)  # it wraps as the engine's sum does
        self.assertEqual(self.wide.all("netobs.entry.flags.wide"), ["1", "1"])

    def test_hardware_only_and_empty(self):
        self.assertEqual(self.hardware.time_ns("netobs.point.tx_hardware"), 9)
        self.assertEqual(self.hardware.time_ns("netobs.point.rx_hardware"), -5)
        self.assertEqual(self.hardware.duration_ns("netobs.delta.tx_hardware"), 14)
        self.assertEqual([int(mask, 0) for mask in self.hardware.all("netobs.entry.points")], [0x60, 0])
        flags = ("wide", "clock_stepped", "tx_hardware_unasked", "hardware_impossible", "hook_events_lost")
        self.assertEqual([self.hardware.all(f"netobs.entry.flags.{flag}") for flag in flags],
                         [["0", "0"]] + [["1", "0"]] * 4)

    def test_further_points(self):
        self.assertEqual(self.further.int("netobs.points"), 0x18001)
        self.assertEqual(self.further.int("netobs.on_path"), 0x28001)
        self.assertEqual(self.further.int("netobs.entry.points"), 0x38081)
        self.assertEqual([self.point(self.further, name) for name in ("app_tx", "rx_software", "pcap_tx", "pcap_rx",
                                                                      "unassigned_17")], [0, -1000, 10, -980, 1])
        self.assertEqual(self.further.duration_ns("netobs.delta.pcap_rx"), 20)
        self.assertEqual(self.further.duration_ns("netobs.delta.app_tx"), 980)
        self.assertEqual(self.further.duration_ns("netobs.delta.pcap_tx"), 10)
        self.assertEqual(self.further.experts() - ANSWERED_BEFORE, {"netobs.unknown_point"})

    def test_bound_of_hardware_times(self):
        self.assertEqual([int(ns) for ns in self.bounds.all("netobs.entry.nic_bound_ns")],
                         [9, 15, 16, 18, 32, 256, 16_106_127_360, 32_212_254_720])
        # Converted times compare with the others: rx_hardware, app_tx, tx_hardware.
        self.assertEqual(self.converted.duration_ns("netobs.delta.app_tx"), 300)
        self.assertEqual(self.converted.duration_ns("netobs.delta.tx_hardware"), 500)

    def test_unread(self):
        self.assertEqual(self.unread.experts() - ANSWERED_BEFORE, {"netobs.unread", "stamp.tlv.unrecognised"})

    def test_filters_of_a_list(self):
        """A list of packets has no trees: what a filter asks for is there all the same."""
        self.assertEqual(self.listed, {
            "netobs.point.app_tx": [3, 4, 6, 8, 10], "netobs.delta.app_tx": [3, 4, 6, 8],
            "netobs.delta.app_rx < 0.000000006": [3], "netobs.unknown_point": [6], "netobs.entry.flags.wide == 1": [4]})

    def test_eight_entries_at_most(self):
        self.assertEqual(len(self.nine.all("netobs.entry.seq")), 8)
        self.assertEqual(self.nine.experts() - ANSWERED_BEFORE, {"netobs.too_many_entries"})

    def test_which_exchange_an_entry_describes(self):
        capture = Capture()
        capture.request(BASE[:3] + b"\6" + BASE[4:])
        capture.reply(REPLY_BASE[:27] + b"\6" + REPLY_BASE[28:])
        capture.request(BASE[:3] + b"\7" + BASE[4:])
        capture.reply(REPLY_BASE[:27] + b"\7" + REPLY_BASE[28:] + netobs_reply(entry("0001", ""), 1))
        with Wireshark() as wireshark:
            packet = wireshark.dissect(capture)[3]
        self.assertEqual((packet.int("netobs.entry.request_in"), packet.int("netobs.entry.reply_in")), (1, 2))


class Points(unittest.TestCase):
    """The dissector's table of points is the engine's."""

    def test_same_as_the_engine(self):
        with open(POINT_HPP, encoding="utf-8") as file:
            engine = file.read()
        with open(os.path.join(SOURCES, "netobs/points.lua"), encoding="utf-8") as file:
            rows = re.findall(r'\{ bit = (\d+), name = "(\w+)",(.*)\}', file.read())
        names = re.search(r"enum class Point : \S+ \{([^}]*)\}", engine).group(1).replace(",", " ").split()
        self.assertGreaterEqual(len(names), 15)
        self.assertEqual([name for _, name, _ in sorted(rows, key=lambda row: int(row[0]))][:len(names)], names)
        table = re.findall(r"\{Point::(\w+), \"\w+\", Direction::(\w+),", engine)
        self.assertEqual(len(table), len(names))
        path = [name for way in ("rx", "tx") for name, direction in table if direction == way]
        self.assertEqual([name for _, name, _ in rows if name in names], path)
        self.assertEqual({name for _, name, rest in rows if "own_clock" in rest}, {"rx_hardware", "tx_hardware"})


class Readme(unittest.TestCase):
    def test_filters_exist(self):
        with Wireshark() as wireshark:
            rows = [line.split("\t") for line in wireshark.run("-G", "fields", first=True).splitlines()]
            preferences = set(re.findall(r"^#?(stamp\.\w+):", wireshark.run("-G", "currentprefs", first=True), re.MULTILINE))
        names = [row[2] for row in rows if row[0] == "F" and re.match(r"(stamp|netobs)\.", row[2])]
        self.assertGreater(len(names), 100)
        self.assertEqual(len(names), len(set(names)), "a name twice")
        self.assertEqual(preferences, {"stamp.ports", "stamp.mode", "stamp.tai_offset"})
        with open(os.path.join(SOURCES, "README.md"), encoding="utf-8") as file:
            said = set(re.findall(r"\b(?:stamp|netobs)\.[a-z][a-z0-9_.]*[a-z0-9]", file.read()))
        families = {"netobs.point", "netobs.delta"}  # .NAME follows
        self.assertEqual(said - set(names) - preferences - families - {"netobs.lua"}, set())


if __name__ == "__main__":
    main()
