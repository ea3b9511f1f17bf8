#!/usr/bin/env python3
"""netobs replay beside tshark on the same capture and fields: packets per second, and the ratio.

    bench/replay_speed.py [--packets N] [--rounds N] [--netobs PATH] [--size OCTETS] [--alone] [--json FILE]

Writes a capture of STAMP probes and their replies into a temporary folder (about 110 MB per million packets),
reads it once to warm the page cache, then lets both programs read it in turns. netobs finds the session,
matches requests with replies and makes the whole report; tshark prints the fields that this would take. The
goals are in README.md. Both run on one CPU (taskset) and are compared by their processor time, which neighbours
change less than that of the wall.
"""
import argparse
import json
import os
import pathlib
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import time

import lab

NTP_UNIX_S = 2_208_988_800
START_S = 1_796_000_000
FIELDS = ["frame.time_epoch", "ip.src", "udp.srcport", "ip.dst", "udp.dstport", "ip.ttl", "twamp.test.seq_number",
          "twamp.test.timestamp", "twamp.test.error_estimate", "twamp.test.receive_timestamp",
          "twamp.test.sender_seq_number", "twamp.test.sender_timestamp", "twamp.test.sender_ttl"]


def ntp(nanoseconds):
    seconds, rest = divmod(nanoseconds, 10**9)
    return (START_S + seconds + NTP_UNIX_S) << 32 | (rest << 32) // 10**9


def frame_head(source, destination, source_port, destination_port, payload):
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 28 + payload, 0, 0, 64, 17, 0, source, destination)
    udp = struct.pack("!HHHH", source_port, destination_port, 8 + payload, 0)
    return bytes(12) + b"\x08\x00" + ip + udp


def write_capture(path, packets, size, gap_ns=10_000, round_trip_ns=34_000):
    """One probe per 10 us, so that a few are under way; the packets in the order of time."""
    a, b = bytes([198, 18, 0, 1]), bytes([198, 18, 0, 2])
    out = frame_head(a, b, 40_000, 862, size)
    back = frame_head(b, a, 862, 40_000, size)
    record = struct.Struct("<IIII")
    request, reply = struct.Struct("!IQHH28x"), struct.Struct("!IQHHQIQHHB3x")
    tail = bytes(size - 44)
    length = len(out) + size

    def record_of(at, octets):
        return record.pack(START_S + at // 10**9, at % 10**9, length, length) + octets

    waiting = []
    with open(path, "wb", buffering=1 << 20) as file:
        file.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262_144, 1))
        for i in range(packets // 2):
            at = i * gap_ns
            while waiting and waiting[0][0] <= at:
                file.write(record_of(*waiting.pop(0)))
            t1 = ntp(at)
            file.write(record_of(at, out + request.pack(i, t1, 0x8587, 0) + tail))
            waiting.append((at + round_trip_ns + i * 7919 % 5000,
                            back + reply.pack(i, ntp(at + 20_000), 0x8587, 0, ntp(at + 15_000), i, t1, 0x8587, 0, 64)
                            + tail))
        for each in waiting:
            file.write(record_of(*each))


def peak_kb(pid):
    """Memory that the process has held at most, so far. Not ru_maxrss: that has this program's own in it."""
    try:
        with open(f"/proc/{pid}/status", encoding="ascii") as file:
            return max((int(line.split()[1]) for line in file if line.startswith("VmHWM:")), default=0)
    except OSError:
        return 0


def timed(command):
    """Wall and processor seconds, memory, and the output."""
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        began = time.monotonic()
        process = subprocess.Popen(["taskset", "-c", "0", *command], stdin=subprocess.DEVNULL, stdout=output,
                                   stderr=errors)
        peak, ended = 0, 0
        while not ended:
            time.sleep(0.002)
            peak = max(peak, peak_kb(process.pid))
            ended, status, usage = os.wait4(process.pid, os.WNOHANG)
        wall = time.monotonic() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        errors.seek(0)
        if process.returncode != 0:
            raise lab.BenchError(f"{' '.join(command)}: exit {process.returncode}\n{errors.read().decode()[-500:]}")
        return {"wall_s": wall, "cpu_s": usage.ru_utime + usage.ru_stime,
                "peak_kb": peak}, output.read()


def check_netobs(output, packets):
    probes = json.loads(output)["sessions"][0]["summary"]["probes"]
    if (probes["sent"], probes["received"]) != (packets // 2, packets // 2):
        raise lab.BenchError(f"netobs replay found {probes['sent']} probes and {probes['received']} answers of "
                             f"{packets // 2}")


def check_tshark(output, packets):
    lines = output.count(b"\n")
    if lines != packets or output.split(b"\n", 1)[0].count(b"\t") != len(FIELDS) - 1:
        raise lab.BenchError(f"tshark printed {lines} lines for {packets} packets")


def measure(options, folder):
    path = os.path.join(folder, "probes.pcap")
    write_capture(path, options.packets, options.size)
    print(f"{options.packets:,} packets, {os.path.getsize(path) / 1e6:.0f} MB, median of {options.rounds} rounds")
    tshark = ["tshark", "-n", "-r", path, "-d", "udp.port==862,twamp.test", "-T", "fields"]
    for field in FIELDS:
        tshark += ["-e", field]
    contenders = {"netobs replay": ([options.netobs, "replay", path, "--no-store", "--json", "-"], check_netobs),
                  "tshark": (tshark, check_tshark)}
    if options.alone:
        del contenders["tshark"]
    with open(path, "rb") as file:
        while file.read(1 << 24):
            pass
    rounds = {name: [] for name in contenders}
    for _ in range(options.rounds):
        for name, (command, check) in contenders.items():
            figures, output = timed(command)
            check(output, options.packets)
            rounds[name].append(figures)
    return rounds


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--packets", type=int, default=1_000_000, help="an even number (default 1000000)")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--size", type=int, default=60, help="UDP payload in octets, 44 or more (default 60)")
    parser.add_argument("--alone", action="store_true", help="without tshark, which takes much longer on a large capture")
    parser.add_argument("--netobs", help="the command to measure (default: the release build, else the dev build)")
    parser.add_argument("--json", help="keep every figure of every round in this file")
    options = parser.parse_args()
    if options.packets < 2 or options.packets % 2 or options.size < 44 or options.rounds < 1:
        parser.error("an even number of packets, 44 octets or more, a round at least")
    try:
        for program in ("taskset",) if options.alone else ("tshark", "taskset"):
            if not shutil.which(program):
                raise lab.BenchError(f"missing: {program}. Install with: apt-get install tshark util-linux")
        options.netobs = options.netobs or lab.find_built("netobs", ["build/release/netobs", "build/dev/netobs"],
                                                          "--netobs")
        with tempfile.TemporaryDirectory(prefix="netobs-replay-") as folder:
            rounds = measure(options, folder)
    except lab.BenchError as error:
        sys.exit(f"replay_speed.py: {error}")
    times = {name: {key: statistics.median(each[key] for each in figures) for key in figures[0]}
             for name, figures in rounds.items()}
    for name, figures in times.items():
        print(f"{name:14} {options.packets / figures['cpu_s']:12,.0f} packets/s of one core   "
              f"{figures['cpu_s']:.2f} s, wall {figures['wall_s']:.2f} s, {figures['peak_kb'] / 1000:.1f} MB of memory")
    rate = options.packets / times["netobs replay"]["cpu_s"]
    ratio = None if options.alone else times["tshark"]["cpu_s"] / times["netobs replay"]["cpu_s"]
    print(f"goals: >= 2,000,000 packets/s ({rate / 2e6:.2f} of it)" +
          (f", >= 20 times tshark ({ratio:.1f})" if ratio else ""))
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps({"packets": options.packets, "ratio": ratio,
                                                          "rounds": rounds}, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
