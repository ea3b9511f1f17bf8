#!/usr/bin/env python3
"""Net Obs beside its peers: every goal is a ratio of figures taken in one run, interleaved.

    sudo bench/side_by_side.py rtt      ping-pong against sockperf; all layers against none; wait modes
    sudo bench/side_by_side.py rate     coverage at 10,000 probes/s and at the highest rate kept up
    sudo bench/side_by_side.py bypass   AF_XDP and the XDP reflector against io_uring
    sudo bench/side_by_side.py timer    send error against irtt's timer error
    sudo bench/side_by_side.py peers    what sockperf, irtt, ping and iperf3 say of the same path, in one table
         bench/side_by_side.py store    SQLite and MySQL inserts, the latter against LOAD DATA LOCAL

Makes two network namespaces on a veth pair and removes them. The machine should be otherwise idle:
the work of others is measured before each round and shown. What each figure means is in README.md.
"""
import argparse
import json
import os
import pathlib
import random
import shlex
import subprocess
import sys

import lab
import measure_bypass
import measure_peers
import measure_rate
import measure_rtt
import measure_timer


def measure_store(options):
    """Runs the stores' own bench; returns its figures with the goals beside them."""
    program = options.store_bench or lab.find_built(
        "store_bench", ["build/release/bench/store_bench", "build/dev/bench/store_bench"], "--store-bench")
    command = [program, str(options.rows), str(options.rounds)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise lab.BenchError(f"{shlex.join(command)}: {error}") from error
    if done.returncode != 0:
        raise lab.BenchError(f"{shlex.join(command)}: exit {done.returncode}\n{done.stderr.strip()}")
    figures = json.loads(done.stdout)
    print(f"{figures['rows']} rows, median of {figures['rounds']} rounds")
    sqlite = figures["sqlite"]["rows_per_s"]
    print(f"SQLite          {sqlite:10,.0f} rows/s   goal >= 300,000   {sqlite / 300_000:.2f} of it")
    mysql = figures["mysql"]
    if "skipped" in mysql:
        print(f"MySQL           skipped: {mysql['skipped']}")
    else:
        print(f"MySQL           {mysql['insert_rows_per_s']:10,.0f} rows/s")
        print(f"LOAD DATA LOCAL {mysql['load_data_local_rows_per_s']:10,.0f} rows/s   "
              f"ratio {mysql['ratio']:.2f}   goal >= 0.70")
    return figures


def bounded(kind, low, high):
    def convert(text):
        value = kind(text)
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{value}: not from {low} to {high}")
        return value

    return convert


def add_common(parser, rounds, seconds):
    parser.add_argument("--netobs", help="the program (default: build/release/netobs, else build/dev/netobs)")
    parser.add_argument("--json", metavar="FILE", help="every figure of every round")
    if rounds:
        parser.add_argument("--rounds", type=bounded(int, 1, 200), default=rounds)
    if seconds:
        parser.add_argument("--seconds", type=bounded(int, 1, 120), default=seconds, help="of each run")
    parser.add_argument("--seed", type=int, help="of the order within the rounds (default: random, printed)")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)

    rtt = commands.add_parser("rtt", help="ping-pong round trips")
    add_common(rtt, rounds=11, seconds=2)
    rtt.add_argument("--only", nargs="+", choices=list(measure_rtt.GROUPS), default=list(measure_rtt.GROUPS))
    rtt.set_defaults(run=measure_rtt.run, needs=("ip", "taskset", "sockperf"))

    rate = commands.add_parser("rate", help="coverage under load")
    add_common(rate, rounds=None, seconds=10)
    rate.add_argument("--rate", type=bounded(int, 1, 1_000_000), default=10_000, help="probes/s of the first part")
    rate.add_argument("--wait", choices=("default", "spin"), default="default")
    rate.add_argument("--only", nargs="+", choices=("fixed", "highest"), default=["fixed", "highest"])
    rate.set_defaults(run=measure_rate.run, needs=("ip",))

    bypass = commands.add_parser("bypass", help="past the kernel's stack")
    add_common(bypass, rounds=7, seconds=2)
    bypass.add_argument("--only", nargs="+", choices=("rtt", "rate"), default=["rtt", "rate"])
    bypass.set_defaults(run=measure_bypass.run, needs=("ip",))

    timer = commands.add_parser("timer", help="how exactly probes are sent")
    add_common(timer, rounds=3, seconds=10)
    timer.set_defaults(run=measure_timer.run, needs=("ip", "irtt"))

    peers = commands.add_parser("peers", help="other programs on the same path")
    add_common(peers, rounds=5, seconds=5)
    peers.set_defaults(run=measure_peers.run, needs=("ip",))

    store = commands.add_parser("store", help="rows per second into the stores")
    store.add_argument("--json", metavar="FILE", help="every figure")
    store.add_argument("--store-bench", help="the program (default: the one in build/release or build/dev)")
    store.add_argument("--rows", type=bounded(int, 1000, 10_000_000), default=200_000)
    store.add_argument("--rounds", type=bounded(int, 1, 100), default=5)
    store.set_defaults(run=measure_store, needs=())
    return parser.parse_args()


def prepare(options):
    if options.needs:
        lab.require(*options.needs)
        if options.netobs is None:
            options.netobs = lab.find_built("netobs", ["build/release/netobs", "build/dev/netobs"], "--netobs")
        options.netobs = os.path.abspath(options.netobs)
        if not os.access(options.netobs, os.X_OK):
            raise lab.BenchError(f"{options.netobs}: no such program")
        if options.seed is None:
            options.seed = random.SystemRandom().randrange(1 << 31)
    machine = lab.describe_machine()
    print(f"$ bench/side_by_side.py {shlex.join(sys.argv[1:])}")
    print(f"{machine['date']}  {machine['cpu']}, {machine['cpus']} CPUs, Linux {machine['kernel']}, "
          f"load {machine['load_average'][0]}, others use {machine['busy_before']:.0%} of the CPUs")
    if options.needs:
        print(f"{os.path.relpath(options.netobs)}, seed {options.seed}")
    if machine["busy_before"] > lab.NOISE_LIMIT:
        lab.warn("others use the CPUs; the figures will show it. Repeat on an idle machine")
    return machine


def main():
    options = parse_arguments()
    lab.exit_on_signals()
    machine = prepare(options)
    figures = options.run(options)
    if options.json:
        settings = {key: value for key, value in vars(options).items() if key not in ("run", "needs", "json")}
        document = {"schema": "netobs.bench/1", "machine": machine, "settings": settings, "figures": figures}
        pathlib.Path(options.json).write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except lab.BenchError as error:
        sys.exit(f"side_by_side: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
