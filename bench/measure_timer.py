"""How far from its intended time a probe leaves, at one per millisecond, beside irtt."""
import json
import math
import statistics
import tempfile

import contenders
import lab

INTERVAL_NS = 1_000_000
IRTT, IRTT_BUSY = "irtt", "irtt, busy timer"


def quantile(values, share):
    """The smallest value that this share of the values does not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def schedule_errors(document):
    """How far each of irtt's sends was from the time it was meant for, early or late.

    irtt aims at its start plus a multiple of the interval: at the next one after a send, or at the
    one after that when the send was later in its interval than half. Its start is taken to be its
    first send, which follows it by microseconds.
    """
    sends = [trip["timestamps"]["client"]["send"]["monotonic"] for trip in document["round_trips"]]
    errors = []
    for last, send in zip(sends, sends[1:]):
        intervals, rest = divmod(last - sends[0], INTERVAL_NS)
        aim = sends[0] + (intervals + (1 if rest < INTERVAL_NS // 2 else 2)) * INTERVAL_NS
        errors.append(abs(send - aim))
    return errors


def irtt(hosts, seconds, timer):
    with tempfile.NamedTemporaryFile(suffix=".json") as result:
        with hosts.server(lambda port: ["irtt", "server", "-i", "0", "-d", "0",
                                        "-b", f"{lab.SERVER_ADDRESS}:{port}"]) as server:
            hosts.client(["irtt", "client", "-Q", "-i", f"{INTERVAL_NS}ns", "-d", f"{seconds}s", f"--timer={timer}",
                          "-o", result.name, f"{lab.SERVER_ADDRESS}:{server.port}"], seconds + contenders.SLACK_S)
        document = json.load(result)
    errors = schedule_errors(document)
    own = document["stats"]["timer_error"]
    return {
        "sent": document["stats"]["packets_sent"],
        "not_sent": seconds * 1_000_000_000 // INTERVAL_NS - document["stats"]["packets_sent"],
        "p50_ns": quantile(errors, 0.5), "p99_ns": quantile(errors, 0.99), "max_ns": max(errors),
        "mean_ns": statistics.mean(errors),
        "own_timer_error_ns": {key: own[key] for key in ("min", "mean", "max", "stddev")},
    }


def netobs(hosts, seconds, contender):
    summary = contender.run(hosts, seconds)
    error = summary["send_error_ns"]
    return {"sent": summary["probes"]["sent"], "not_sent": summary["probes"]["skipped"],
            "p50_ns": error["p50"], "p99_ns": error["p99"], "max_ns": error["max"]}


def median_of(results, name, key):
    values = [figures[key] for figures in results[name] if figures]
    return statistics.median(values) if values else None


def ratios(results, name, reference):
    pairs = zip(results[name], results[reference])
    return [ours["p99_ns"] / theirs["p99_ns"] for ours, theirs in pairs if ours and theirs]


def print_figures(results):
    print(f"{'send error, us':<30} {'p50':>8} {'p99':>8} {'max':>9} {'sent':>7} {'not sent':>9}   p99 to irtt's")
    for name in results:
        if median_of(results, name, "p50_ns") is None:
            print(f"{name:<30} no run succeeded")
            continue
        p50, p99, largest = (median_of(results, name, key) / 1000 for key in ("p50_ns", "p99_ns", "max_ns"))
        line = f"{name:<30} {p50:8.1f} {p99:8.1f} {largest:9.1f}"
        line += "".join(f" {median_of(results, name, key):{width}.0f}" for key, width in (("sent", 7), ("not_sent", 9)))
        values = ratios(results, name, IRTT) if name != IRTT else []
        if values:
            line += f"   {statistics.median(values):.3f} ({min(values):.3f} to {max(values):.3f})"
        print(line)


def print_goals(results, contender_names):
    means = [figures["own_timer_error_ns"]["mean"] for figures in results[IRTT] if figures]
    if not means:
        return
    mean = statistics.median(means)
    computed = median_of(results, IRTT, "mean_ns")
    print(f"irtt's own timer error, of which it prints no percentiles: mean {mean / 1000:.1f} us; "
          f"computed from its send times: mean {computed / 1000:.1f} us")
    print("goals (median of the ratios round by round)")
    for name in contender_names:
        values = ratios(results, name, IRTT)
        if not values:
            continue
        middle = statistics.median(values)
        print(f"  {name}: p99 to irtt's p99 {middle:.3f}   goal <= 0.10   {'met' if middle <= 0.1 else 'NOT MET'}")
        p99 = median_of(results, name, "p99_ns")
        print(f"  {name}: p99 to the mean of irtt's own timer error {p99 / mean:.3f}")


def run(options):
    schedule = ("--interval", "1ms")
    ours = {
        "netobs, hybrid (the default)": contenders.Netobs(options.netobs, schedule=schedule, pinned=False),
        "netobs, block": contenders.Netobs(options.netobs, schedule=schedule, pinned=False, wait="block"),
    }
    with lab.TwoHosts() as hosts:
        runs = {
            IRTT: lambda: irtt(hosts, options.seconds, "comp"),
            IRTT_BUSY: lambda: irtt(hosts, options.seconds, "busy"),
        }
        for name, contender in ours.items():
            runs[name] = lambda contender=contender: netobs(hosts, options.seconds, contender)
        results, busiest = lab.interleave(runs, options.rounds, options.seed)
    print(f"{options.rounds} rounds of {options.seconds} s per contender, one probe per ms, nothing pinned; "
          f"others used up to {busiest:.0%} of the CPUs\n")
    print_figures(results)
    print()
    print_goals(results, ours)
    return {"results": results, "busiest": busiest}
