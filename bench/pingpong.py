#!/usr/bin/env python3
"""Round trips over a veth pair: sockperf and both transports, interleaved, one CPU each side.

    sudo bench/pingpong.py [--program build/dev/bench/netobs_pingpong] [--rounds 7] [--count 40000]

Prints one row per contender: the median over the rounds of each round's p50, and its ratio to
sockperf's. Makes two network namespaces and removes them; all traffic stays between them.
"""
import argparse
import contextlib
import itertools
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import time

CLIENT_NS, SERVER_NS = f"nopp{os.getpid()}a", f"nopp{os.getpid()}b"
CLIENT_ADDRESS, SERVER_ADDRESS = "198.18.91.1", "198.18.91.2"
CLIENT_CPU, SERVER_CPU = "0", "1"
PORTS = itertools.count(7000)  # one per run: a killed io_uring process frees its port a little later


def ip(*words):
    subprocess.run(["ip", *words], check=True)


@contextlib.contextmanager
def two_hosts():
    try:
        for namespace in (CLIENT_NS, SERVER_NS):
            ip("netns", "add", namespace)
        ip("-n", CLIENT_NS, "link", "add", "pp0", "type", "veth", "peer", "name", "pp1", "netns", SERVER_NS)
        for namespace, device, address in (
            (CLIENT_NS, "pp0", CLIENT_ADDRESS),
            (SERVER_NS, "pp1", SERVER_ADDRESS),
        ):
            ip("-n", namespace, "link", "set", "lo", "up")
            ip("-n", namespace, "addr", "add", f"{address}/30", "dev", device)
            ip("-n", namespace, "link", "set", device, "up")
        yield
    finally:
        for namespace in (CLIENT_NS, SERVER_NS):
            subprocess.run(["ip", "netns", "del", namespace], stderr=subprocess.DEVNULL, check=False)


@contextlib.contextmanager
def server(command):
    process = subprocess.Popen(
        ["ip", "netns", "exec", SERVER_NS, *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        time.sleep(0.4)
        yield
    finally:
        process.terminate()
        process.wait()


def client(command):
    done = subprocess.run(
        ["ip", "netns", "exec", CLIENT_NS, *command], capture_output=True, text=True, timeout=60, check=False
    )
    return done.stdout + done.stderr


def run_sockperf(wait, seconds):
    flags = ["--nonblocked"] if wait == "spin" else []
    port = str(next(PORTS))
    listen = ["taskset", "-c", SERVER_CPU, "sockperf", "server", *flags, "-i", SERVER_ADDRESS, "-p", port]
    ask = ["taskset", "-c", CLIENT_CPU, "sockperf", "ping-pong", *flags, "--full-rtt",
           "-i", SERVER_ADDRESS, "-p", port, "-m", "64", "-t", str(seconds)]
    with server(listen):
        output = client(ask)
    found = {key: re.search(rf"percentile {key}\d* *= *([\d.]+)", output) for key in ("50.00", "99.00")}
    if not all(found.values()):
        sys.exit(f"sockperf said:\n{output}")
    return {"p50_ns": float(found["50.00"][1]) * 1000, "p99_ns": float(found["99.00"][1]) * 1000, "lost": 0}


def run_ours(program, transport, count, wait, points):
    port = str(next(PORTS))
    with server([program, "server", transport, SERVER_ADDRESS, port, SERVER_CPU, "0", wait, points]):
        output = client([program, "client", transport, SERVER_ADDRESS, port, CLIENT_CPU, str(count), wait, points])
    try:
        return json.loads(output)
    except json.JSONDecodeError:
        sys.exit(f"{transport} said:\n{output}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default="build/dev/bench/netobs_pingpong")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--count", type=int, default=40000)
    parser.add_argument("--wait", choices=("spin", "block"), default="spin")
    parser.add_argument("--points", nargs="+", choices=("none", "rx", "all"), default=["none", "all"])
    options = parser.parse_args()
    if not shutil.which("sockperf"):
        sys.exit("sockperf is missing: apt-get install sockperf")

    contenders = {"sockperf": lambda: run_sockperf(options.wait, 1)}
    for points in options.points:
        for transport in ("syscall", "io_uring"):
            contenders[f"{transport}, kernel points: {points}"] = (
                lambda transport=transport, points=points: run_ours(
                    os.path.abspath(options.program), transport, options.count, options.wait, points))
    results = {name: [] for name in contenders}
    with two_hosts():
        for _ in range(options.rounds):
            for name, run in contenders.items():
                results[name].append(run())

    reference = statistics.median(result["p50_ns"] for result in results["sockperf"])
    print(f"wait: {options.wait}, rounds: {options.rounds}, 64 bytes, CPU {CLIENT_CPU} and {SERVER_CPU}")
    print(f"{'contender':<32} {'p50 us':>8} {'ratio':>6} {'p99 us':>8} {'rounds from':>12} {'to':>7} {'lost':>5}")
    for name, rounds in results.items():
        middle = [result["p50_ns"] for result in rounds]
        p50 = statistics.median(middle)
        p99 = statistics.median(result["p99_ns"] for result in rounds)
        lost = sum(result["lost"] for result in rounds)
        print(f"{name:<32} {p50 / 1000:8.2f} {p50 / reference:6.2f} {p99 / 1000:8.2f} "
              f"{min(middle) / 1000:12.2f} {max(middle) / 1000:7.2f} {lost:5}")


if __name__ == "__main__":
    main()
