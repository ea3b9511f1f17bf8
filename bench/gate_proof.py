#!/usr/bin/env python3
"""How often `netobs gate` is wrong: false alarms between equals, and regressions of known size.

Two reflectors take turns, each on a pair of hosts of its own, so that neither runs through the other's BPF
programs. In an A/A comparison both are the same; in the others the new one wastes a known time on every
reply, at a known place. Root, two CPUs, and time: an hour with the
defaults. Exit status 1 when a goal is missed.
"""
import argparse
import collections
import contextlib
import json
import os
import random
import subprocess
import sys
import time

import lab

# What is wasted, and the segment that it has to be found in.
PLACES = {
    "residence": "segment.reflector.app_rx.reflector.app_tx",
    "stack": "segment.reflector.app_tx.reflector.tx_sched",
}
LEVELS = (5, 10, 25, 50)  # per cent of the round trip's p50
FALSE_ALARM_GOAL, DETECTION_GOAL = 0.01, 0.95


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--same", type=int, default=100, metavar="N", help="A/A comparisons (default 100)")
    parser.add_argument("--each", type=int, default=20, metavar="N",
                        help="comparisons of each size and place (default 20)")
    parser.add_argument("--count", type=int, default=500, help="probes of a block (default 500)")
    parser.add_argument("--seed", type=int, default=1, help="of the order of the comparisons (default 1)")
    parser.add_argument("--gate", default="", metavar="OPTIONS", help="further options for netobs gate")
    parser.add_argument("--netobs", help="another build's program")
    parser.add_argument("--json", metavar="FILE", help="write every comparison, one JSON object a line")
    return parser.parse_args()


class Proof:
    def __init__(self, arguments, base_hosts, new_hosts):
        self.arguments = arguments
        self.base_hosts = base_hosts
        self.new_hosts = new_hosts
        self.netobs = arguments.netobs or lab.find_built(
            "netobs", ["build/release/netobs", "build/dev/netobs"], "--netobs")
        self.reflector = lab.find_built(
            "slow_reflector", ["build/release/bench/slow_reflector", "build/dev/bench/slow_reflector"], "a build")

    def slow(self, hosts, place, nanoseconds):
        return hosts.server(lambda port: ["taskset", "-c", lab.SERVER_CPU, self.reflector, str(port), place,
                                               str(nanoseconds)])

    def probe(self, hosts, port):
        return ["ip", "netns", "exec", hosts.client_ns, "taskset", "-c", lab.CLIENT_CPU, self.netobs, "rtt",
                f"{lab.SERVER_ADDRESS}:{port}", "--count", str(self.arguments.count), "--ping-pong",
                "--transport", "syscall", "--no-store", "--quiet", "--json", "-"]

    def round_trip(self):
        """p50 in nanoseconds to a reflector without a flaw: the median of a few runs."""
        with self.slow(self.base_hosts, "residence", 0) as server:
            command = self.probe(self.base_hosts, server.port)
            runs = [json.loads(subprocess.run(command, capture_output=True, check=True).stdout) for _ in range(9)]
        return sorted(run["rtt_ns"]["app"]["p50"] for run in runs)[4]

    def compare(self, place, nanoseconds, seed):
        with contextlib.ExitStack() as stack:
            base = stack.enter_context(self.slow(self.base_hosts, place, 0))
            new = stack.enter_context(self.slow(self.new_hosts, place, nanoseconds))
            command = [self.netobs, "gate", "--quiet", "--json", "-", "--seed", str(seed),
                       *self.arguments.gate.split(), "--",
                       *self.probe(self.base_hosts, base.port), "--", *self.probe(self.new_hosts, new.port)]
            began = time.monotonic()
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode not in (0, 4):
            raise lab.BenchError(f"netobs gate: exit {done.returncode}\n{done.stderr[-2000:]}")
        result = json.loads(done.stdout)
        if (result["verdict"] == "worse") != (done.returncode == 4):
            raise lab.BenchError(f"exit {done.returncode} with the verdict {result['verdict']}")
        return result, time.monotonic() - began


def plan(arguments):
    """Every comparison to make, in random order, so that each kind meets the same machine."""
    cases = [("residence", 0)] * arguments.same
    cases += [(place, level) for place in PLACES for level in LEVELS] * arguments.each
    random.Random(arguments.seed).shuffle(cases)
    return cases


def run(arguments, proof, log):
    outcomes = collections.defaultdict(list)
    cases = plan(arguments)
    for number, (place, level) in enumerate(cases):
        nanoseconds = round(proof.round_trip() * level / 100)
        result, seconds = proof.compare(place, nanoseconds, number + 1)
        line = {"place": place if level else "none", "level": level, "injected_ns": nanoseconds,
                "seconds": round(seconds, 1), "verdict": result["verdict"], "headline": result["headline"],
                "culprit": result["culprit"], "blocks": result["metrics"][0]["base_blocks"],
                "rtt_ns": result["metrics"][0]["base"], "change_pct": result["metrics"][0]["change_pct"],
                "ci_pct": result["metrics"][0]["ci_pct"], "rtt_verdict": result["metrics"][0]["verdict"],
                "worse": [m["name"] for m in result["metrics"] if m["verdict"] == "worse"]}
        outcomes[line["place"], level].append(line)
        if log:
            print(json.dumps(line), file=log, flush=True)
        if sys.stderr.isatty():
            print(f"\r\033[K{number + 1} of {len(cases)}: {place} +{level} %: {result['verdict']}", end="",
                  file=sys.stderr, flush=True)
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr)
    return outcomes


def report(outcomes):
    print(f"{'what':<12}{'size':>6}{'runs':>6}{'worse':>7}{'rate':>8}{'right segment':>15}{'rounds':>8}{'time':>8}")
    met = True
    for (place, level), lines in sorted(outcomes.items(), key=lambda item: (item[0][1], item[0][0])):
        worse = [line for line in lines if line["verdict"] == "worse"]
        right = sum(line["culprit"] == PLACES.get(place) for line in worse)
        rate = len(worse) / len(lines)
        median = sorted(line["blocks"] for line in lines)[len(lines) // 2]
        seconds = sorted(line["seconds"] for line in lines)[len(lines) // 2]
        named = f"{right} of {len(worse)}" if level else "--"
        print(f"{place:<12}{f'+{level} %':>6}{len(lines):>6}{len(worse):>7}{rate:>7.0%}{named:>16}{median:>8}"
              f"{seconds:>7.0f} s")
        met = met and (rate <= FALSE_ALARM_GOAL if level == 0 else level < 10 or rate >= DETECTION_GOAL)
    print(f"goals: false alarms <= {FALSE_ALARM_GOAL:.0%}, found >= {DETECTION_GOAL:.0%} at +10 % and more: "
          f"{'met' if met else 'missed'}")
    return met


def main():
    arguments = parse_arguments()
    lab.exit_on_signals()
    try:
        lab.require("ip", "taskset")
        print(json.dumps(lab.describe_machine()))
        with lab.TwoHosts() as base_hosts, lab.TwoHosts() as new_hosts, contextlib.ExitStack() as stack:
            log = stack.enter_context(open(arguments.json, "w", encoding="utf-8")) if arguments.json else None
            met = report(run(arguments, Proof(arguments, base_hosts, new_hosts), log))
    except lab.BenchError as error:
        print(f"gate_proof: {error}", file=sys.stderr)
        return 1
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
