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
import tempfile
import time

import lab

# What is wasted, and the segment that it has to be found in.
PLACES = {
    "residence": "segment.reflector.app_rx.reflector.app_tx",
    "stack": "segment.reflector.app_tx.reflector.tx_sched",
}
LEVELS = (5, 10, 25, 50)  # per cent of the round trip's p50
THRESHOLDS = (5, 10, 25, 50)  # per cent, of netobs compare
FALSE_ALARM_GOAL, DETECTION_GOAL = 0.01, 0.95


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--same", type=int, default=100, metavar="N", help="A/A comparisons (default 100)")
    parser.add_argument("--each", type=int, default=20, metavar="N",
                        help="comparisons of each size and place (default 20)")
    parser.add_argument("--runs", type=int, default=40, metavar="N",
                        help="runs to one reflector, each compared with the next by netobs compare (default 40)")
    parser.add_argument("--count", type=int, default=500, help="probes of a block (default 500)")
    parser.add_argument("--seed", type=int, default=1, help="of the order of the comparisons (default 1)")
    parser.add_argument("--gate", default="", metavar="OPTIONS", help="further options for netobs gate")
    parser.add_argument("--netobs", help="another build's program")
    parser.add_argument("--json", metavar="FILE", help="write every comparison, one JSON object a line")
    parser.add_argument("--report", metavar="FILE", help="measure nothing: the table of a file that --json wrote")
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

    def runs_in_a_row(self, count, folder):
        """How many neighbours among equal runs are called worse, by threshold."""
        files = [f"{folder}/{number}.json" for number in range(count)]
        with self.slow(self.base_hosts, "residence", 0) as server:
            command = self.probe(self.base_hosts, server.port)
            command[command.index("--count") + 1] = str(4 * self.arguments.count)
            for file in files:
                subprocess.run([*command[:-1], file], check=True)
        alarms = {}
        for threshold in THRESHOLDS:
            verdicts = [subprocess.run([self.netobs, "compare", base, new, "--quiet", "--threshold", str(threshold)],
                                       check=False).returncode for base, new in zip(files, files[1:])]
            if set(verdicts) - {0, 4}:
                raise lab.BenchError(f"netobs compare: exit {set(verdicts)}")
            alarms[threshold] = verdicts.count(4)
        return alarms

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
        nanoseconds = round(proof.round_trip() * level / 100) if level else 0
        result, seconds = proof.compare(place, nanoseconds, number + 1)
        line = {"place": place if level else "none", "level": level, "injected_ns": nanoseconds,
                "seconds": round(seconds, 1), "verdict": result["verdict"], "headline": result["headline"],
                "culprit": result["culprit"], "blocks": result["metrics"][0]["base_blocks"],
                "rtt_ns": result["metrics"][0]["base"], "change_pct": result["metrics"][0]["change_pct"],
                "ci_pct": result["metrics"][0]["ci_pct"], "rtt_verdict": result["metrics"][0]["verdict"],
                "worse": [m["name"] for m in result["metrics"] if m["verdict"] == "worse"],
                "changes": {m["name"]: [m["change"], m["change_pct"]] for m in result["metrics"]}}
        outcomes[line["place"], level].append(line)
        if log:
            print(json.dumps(line), file=log, flush=True)
        if sys.stderr.isatty():
            print(f"\r\033[K{number + 1} of {len(cases)}: {place} +{level} %: {result['verdict']}", end="",
                  file=sys.stderr, flush=True)
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr)
    return outcomes


def describe_equals(lines):
    """What metrics of equals differ by, in each comparison: what thresholds have to be above."""
    for statistic in ("p50", "p90", "p99"):
        for kind in ("rtt.", "segment."):
            rows = [change for line in lines for name, change in line["changes"].items()
                    if name.startswith(kind) and name.endswith(statistic) and change[1] is not None]
            if not rows:
                continue
            at = len(rows) * 95 // 100
            share, time_ns = sorted(abs(row[1]) for row in rows)[at], sorted(abs(row[0]) for row in rows)[at]
            print(f"between equals, 95 % of {kind}* {statistic} change by at most {share:.1f} %, and {time_ns:,.0f} ns")


def report(outcomes):
    if not outcomes:
        return True
    print(f"{'what':<12}{'size':>6}{'runs':>6}{'worse':>7}{'rate':>8}{'right segment':>15}{'rounds':>8}{'time':>8}")
    met = True
    for (place, level), lines in sorted(outcomes.items(), key=lambda item: (item[0][1], item[0][0])):
        worse = [line for line in lines if line["verdict"] == "worse"]
        right = sum((line["culprit"] or "").startswith(f"{PLACES.get(place)}.") for line in worse)
        rate = len(worse) / len(lines)
        median = sorted(line["blocks"] for line in lines)[len(lines) // 2]
        seconds = sorted(line["seconds"] for line in lines)[len(lines) // 2]
        named = f"{right} of {len(worse)}" if level else "--"
        print(f"{place:<12}{f'+{level} %':>6}{len(lines):>6}{len(worse):>7}{rate:>7.0%}{named:>16}{median:>8}"
              f"{seconds:>7.0f} s")
        met = met and (rate <= FALSE_ALARM_GOAL if level == 0 else level < 10 or rate >= DETECTION_GOAL)
    describe_equals(outcomes["none", 0])
    print(f"goals: false alarms <= {FALSE_ALARM_GOAL:.0%}, found >= {DETECTION_GOAL:.0%} at +10 % and more: "
          f"{'met' if met else 'missed'}")
    return met


def main():
    arguments = parse_arguments()
    lab.exit_on_signals()
    if arguments.report:
        outcomes = collections.defaultdict(list)
        with open(arguments.report, encoding="utf-8") as file:
            for line in map(json.loads, file):
                outcomes[line["place"], line["level"]].append(line)
        return 0 if report(outcomes) else 1
    try:
        lab.require("ip", "taskset")
        print(json.dumps(lab.describe_machine()))
        with lab.TwoHosts() as base_hosts, lab.TwoHosts() as new_hosts, contextlib.ExitStack() as stack:
            log = stack.enter_context(open(arguments.json, "w", encoding="utf-8")) if arguments.json else None
            proof = Proof(arguments, base_hosts, new_hosts)
            met = report(run(arguments, proof, log))
            if arguments.runs > 1:
                folder = stack.enter_context(tempfile.TemporaryDirectory())
                for threshold, alarms in proof.runs_in_a_row(arguments.runs, folder).items():
                    print(f"netobs compare --threshold {threshold}: {alarms} of {arguments.runs - 1} pairs of equal runs, "
                          "one after the other, are called worse")
    except lab.BenchError as error:
        print(f"gate_proof: {error}", file=sys.stderr)
        return 1
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
