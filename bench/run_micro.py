#!/usr/bin/env python3
"""Runs the programs of bench/micro and prints the goals. tools/bench builds them and calls this.

Figures are processor time, or real time where a benchmark says so. A ratio is that of two medians over the
repetitions, which take turns in random order; the interval holds it with 95 % (bootstrap over the repetitions).
"""
import argparse
import contextlib
import dataclasses
import json
import os
import pathlib
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time

import lab

PROGRAMS = ("netobs_micro", "netobs_micro_host", "netobs_micro_capture", "netobs_micro_store")
PROGRAM_LIMIT_S = 3600
GRACE_S = 20  # for a database server to shut down
SECONDS_IN = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0}
STREAMS = ("in_order", "in_order_with_losses", "shuffled", "shuffled_with_losses")
CORRELATOR_EVENTS_PER_S = 10_000_000
CORRELATOR_RATIO = 5
BOOTSTRAP_ROUNDS = 2000


@dataclasses.dataclass(frozen=True)
class Pair:
    """Two benchmarks that run beside each other; the ratio is that of the time per item."""

    ours: str
    beside: str
    at_most: float | None = None  # the goal


PAIRS = (
    Pair("histogram/record", "histogram/array_increment", 3.0),
    Pair("quantiles/from_histogram", "quantiles/by_selection"),
    Pair("hot_path/syscall/app", "hot_path/plain_sockets"),
    Pair("hot_path/io_uring/app", "hot_path/plain_sockets"),
    Pair("hot_path/syscall/kernel", "hot_path/syscall/app"),
    Pair("hot_path/io_uring/kernel", "hot_path/io_uring/app"),
    Pair("store/jsonl", "store/sqlite"),
    Pair("store/mysql", "store/sqlite"),
)


def end_group(process):
    """Waits for all of them, so that nothing writes into the folder any more when it is removed."""
    os.killpg(process.pid, signal.SIGTERM)
    process.wait()
    end = time.monotonic() + GRACE_S
    with contextlib.suppress(ProcessLookupError):  # the group is empty
        while time.monotonic() < end:
            os.killpg(process.pid, 0)
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGKILL)


def run_in_group(command, folder):
    """(exit status, stderr). A database server that the program started ends with it, its files are in the folder."""
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                          text=True, start_new_session=True, env={**os.environ, "TMPDIR": folder}) as process:
        try:
            _, errors = process.communicate(timeout=PROGRAM_LIMIT_S)
        except BaseException as error:
            end_group(process)
            if isinstance(error, subprocess.TimeoutExpired):
                raise lab.BenchError(f"{command[0]}: not done after {PROGRAM_LIMIT_S} s") from error
            raise
    return process.returncode, errors


def run_program(path, options, folder):
    """What a program wrote, parsed. options: of this script."""
    out = pathlib.Path(folder) / f"{path.name}.json"
    command = [str(path), f"--benchmark_repetitions={options.repetitions}", f"--benchmark_min_time={options.min_time}",
               "--benchmark_enable_random_interleaving=true", f"--benchmark_out={out}", "--benchmark_out_format=json"]
    if options.filter:
        command.append(f"--benchmark_filter={options.filter}")
    print(f"      {path.name}", file=sys.stderr, flush=True)
    returncode, errors = run_in_group(command, folder)
    if returncode != 0:
        raise lab.BenchError(f"{path.name}: exit {returncode}\n{errors.strip()[-2000:]}")
    text = out.read_text(encoding="utf-8") if out.exists() else ""
    if not text.strip():  # the filter matches nothing there
        return None
    return json.loads(text)


def run_all(options):
    """One document in Google Benchmark's format with what all programs measured."""
    merged = None
    with tempfile.TemporaryDirectory(prefix="netobs-bench-", ignore_cleanup_errors=True) as folder:
        for name in PROGRAMS:
            path = pathlib.Path(options.build) / "bench" / "micro" / name
            if not path.exists():
                raise lab.BenchError(f"{path} is not built: tools/bench without --no-build makes it")
            document = run_program(path, options, folder)
            if document is None:
                continue
            # One program's path would say less than nothing of the others.
            document["context"]["executable"] = "bench/micro"
            if merged is None:
                merged = document
            else:
                merged["benchmarks"] += document["benchmarks"]
    if merged is None or not merged["benchmarks"]:
        raise lab.BenchError(f"no benchmark matches {options.filter!r}")
    return merged


def seconds_per_item(document):
    """({name: [seconds per item, one per repetition]}, {name: why it was not measured})."""
    found, refused = {}, {}
    for row in document["benchmarks"]:
        name = row.get("run_name", row["name"]).removesuffix("/real_time")
        if row.get("run_type") == "aggregate":
            continue
        if row.get("error_occurred"):
            refused[name] = row.get("error_message", "no reason given")
        elif "items_per_second" in row:
            found.setdefault(name, []).append(1 / row["items_per_second"])
        else:
            which = "real_time" if row["name"].endswith("/real_time") else "cpu_time"
            found.setdefault(name, []).append(row[which] * SECONDS_IN[row["time_unit"]])
    return found, refused


def ratio(ours, beside):
    """(ratio of the medians, low, high)."""
    chance = random.Random(1)  # the same figures give the same interval

    def again(values):
        return statistics.median(chance.choices(values, k=len(values)))

    drawn = sorted(again(ours) / again(beside) for _ in range(BOOTSTRAP_ROUNDS))
    low, high = drawn[int(0.025 * BOOTSTRAP_ROUNDS)], drawn[int(0.975 * BOOTSTRAP_ROUNDS) - 1]
    return statistics.median(ours) / statistics.median(beside), low, high


def time_text(seconds):
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"


def verdict(met):
    return "met" if met else "NOT MET"


def print_correlator(figures):
    rows = [(stream, figures.get(f"correlator/ours/{stream}"), figures.get(f"correlator/unordered_map/{stream}"))
            for stream in STREAMS]
    if not any(ours for _, ours, _ in rows):
        return
    print(f"\ncorrelator   goal: >= {CORRELATOR_EVENTS_PER_S / 1e6:.0f} M events/s, or >= {CORRELATOR_RATIO} times a "
          f"std::unordered_map")
    for stream, ours, theirs in rows:
        if not ours:
            continue
        rate = 1 / statistics.median(ours)
        line = f"  {stream:<24} {rate / 1e6:6.1f} M events/s"
        times = 0.0
        if theirs:
            times, low, high = ratio(theirs, ours)
            line += f"   {times:.2f} times (95 %: {low:.2f} to {high:.2f})"
        print(f"{line}   {verdict(rate >= CORRELATOR_EVENTS_PER_S or times >= CORRELATOR_RATIO)}")


def print_pairs(figures):
    rows = [pair for pair in PAIRS if pair.ours in figures and pair.beside in figures]
    if not rows:
        return
    print(f"\n{'':<28}{'':<28}{'ours':>9}{'beside':>10}{'ratio':>8}   95 %")
    for pair in rows:
        ours, beside = figures[pair.ours], figures[pair.beside]
        middle, low, high = ratio(ours, beside)
        line = (f"{pair.ours:<28}{'to ' + pair.beside:<28}{time_text(statistics.median(ours)):>9}"
                f"{time_text(statistics.median(beside)):>10}{middle:8.3g}   {low:.3g} to {high:.3g}")
        if pair.at_most is not None:
            line += f"   goal <= {pair.at_most:g}   {verdict(middle <= pair.at_most)}"
        print(line)


def print_all(figures, refused):
    print(f"{'time per item':<48}{'median':>10}{'lowest':>10}{'highest':>10}")
    for name, values in sorted(figures.items()):
        print(f"{name:<48}" + "".join(f"{time_text(each):>10}"
                                      for each in (statistics.median(values), min(values), max(values))))
    for name, why in refused.items():
        print(f"{name:<48}   not measured: {why}")


def compare(options, new):
    """The exit status of netobs compare."""
    netobs = pathlib.Path(options.build) / "netobs"
    if not netobs.exists():
        raise lab.BenchError(f"{netobs} is not built: tools/bench without --no-build makes it")
    print(flush=True)
    return subprocess.run([str(netobs), "compare", options.against, new], check=False).returncode


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", required=True, help="the build folder, for example build/release")
    parser.add_argument("--filter", help="a regular expression")
    parser.add_argument("--repetitions", type=int, default=12)
    parser.add_argument("--min-time", type=float, default=0.05, help="seconds of each repetition")
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--against", metavar="OLD.json")
    return parser.parse_args()


def main():
    options = parse_arguments()
    lab.exit_on_signals()
    machine = lab.describe_machine()
    if machine["busy_before"] > lab.NOISE_LIMIT:
        lab.warn("others use the CPUs; the figures will show it. Repeat on an idle machine")
    document = run_all(options)
    print(f"{machine['date']}  {machine['cpu']}, {machine['cpus']} CPUs, Linux {machine['kernel']}, load "
          f"{machine['load_average'][0]}, others use {machine['busy_before']:.0%} of the CPUs")
    print(f"{options.repetitions} repetitions of {options.min_time:g} s, in random order\n")
    figures, refused = seconds_per_item(document)
    print_all(figures, refused)
    print_correlator(figures)
    print_pairs(figures)
    text = json.dumps(document, indent=1) + "\n"
    if options.json:
        pathlib.Path(options.json).write_text(text, encoding="utf-8")
    if not options.against:
        return 0
    with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as new:
        new.write(text)
        new.flush()
        return compare(options, options.json or new.name)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except lab.BenchError as error:
        sys.exit(f"tools/bench: {error}")
    except OSError as error:
        sys.exit(f"tools/bench: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
