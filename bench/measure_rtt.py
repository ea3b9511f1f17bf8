"""Ping-pong round trips: against sockperf, with all layers against none, and by wait mode."""
import statistics

import contenders
import lab

TRANSPORTS = ("io_uring", "syscall")
SMALL_BYTES = 64
EVERY_LAYER = "app,kernel,tc,auto"  # the first three must work, or the run fails
REFERENCE = {"spin": "sockperf, spin", "block": "sockperf, block"}


def peers(netobs, _full_bytes):
    """No kernel layers, both sides spinning, beside sockperf."""
    rows = {REFERENCE["spin"]: None}
    for transport in TRANSPORTS:
        rows[f"{transport}, {SMALL_BYTES} B, spin"] = contenders.Netobs(
            netobs, transport, "app", size=SMALL_BYTES, wait="spin", reflector_wait="spin")
    return rows


def layers(netobs, full_bytes):
    """All layers on both hosts against none, with probes of one size."""
    rows = {}
    for transport in TRANSPORTS:
        for wait in ("spin", "block"):
            for name, text in (("no layers", "app"), ("all layers", EVERY_LAYER)):
                rows[f"{transport}, {full_bytes} B, {wait}, {name}"] = contenders.Netobs(
                    netobs, transport, text, size=full_bytes, wait=wait, reflector_wait=wait)
    return rows


def waits(netobs, _full_bytes):
    """The ways to wait; the reflector blocks. sockperf blocks on both sides."""
    rows = {REFERENCE["block"]: None}
    for transport in TRANSPORTS:
        for wait in ("block", "hybrid", "spin"):
            rows[f"{transport}, {SMALL_BYTES} B, {wait} to block"] = contenders.Netobs(
                netobs, transport, "app", size=SMALL_BYTES, wait=wait, reflector_wait="block")
    return rows


GROUPS = {"peers": peers, "layers": layers, "waits": waits}


def ratios(results, name, reference):
    """Round by round: the noise that two neighbours share cancels."""
    pairs = zip(results[name], results[reference])
    return [ours["p50_ns"] / theirs["p50_ns"] for ours, theirs in pairs if ours and theirs]


def print_figures(results, references):
    print(f"{'':<34} {'p50 us':>8} {'p99 us':>8} {'lost':>5}   ratio of p50, round by round")
    print(f"{'':<34} {'median':>8} {'median':>8} {'':>5}   median    low   high")
    for name, rounds in results.items():
        done = [figures for figures in rounds if figures]
        if not done:
            print(f"{name:<34} no run succeeded")
            continue
        p50, p99 = (statistics.median(figures[key] for figures in done) / 1000 for key in ("p50_ns", "p99_ns"))
        line = f"{name:<34} {p50:8.2f} {p99:8.2f} {sum(figures['lost'] for figures in done):5}"
        values = ratios(results, name, references[name]) if references.get(name) else []
        if values:
            line += f"   {statistics.median(values):6.3f} {min(values):6.3f} {max(values):6.3f}"
            line += f"   to {references[name]}"
        print(line)


def reference_of(group, name):
    if group == "layers":
        return name.replace("all layers", "no layers") if "all layers" in name else None
    reference = REFERENCE["spin" if group == "peers" else "block"]
    return reference if name != reference else None


def goal(text, values, limit):
    if not values:
        return
    middle = statistics.median(values)
    print(f"  {text:<52} {middle:6.3f}   goal <= {limit:.2f}   {'met' if middle <= limit else 'NOT MET'}")


def print_goals(results, groups, full_bytes):
    print("goals (medians of the ratios round by round)")
    if "peers" in groups:
        by_transport = {
            transport: ratios(results, f"{transport}, {SMALL_BYTES} B, spin", REFERENCE["spin"])
            for transport in TRANSPORTS
        }
        better = min((values for values in by_transport.values() if values), key=statistics.median, default=[])
        goal("the better transport to sockperf", better, 1.0)
        goal("io_uring to sockperf", by_transport["io_uring"], 1.1)
    if "layers" in groups:
        for transport in TRANSPORTS:
            rows = [f"{transport}, {full_bytes} B, spin, {which} layers" for which in ("all", "no")]
            goal(f"{transport}: all layers on both hosts to none", ratios(results, *rows), 1.10)


def run(options):
    netobs = options.netobs
    with lab.TwoHosts() as hosts:
        # What a probe needs to carry every layer that works here is known to netobs only.
        trial = contenders.netobs_round_trips(hosts, 1, contenders.Netobs(netobs, "auto", EVERY_LAYER))
        full_bytes = trial["bytes"]
        runs, references = {}, {}
        for group in options.only:
            for name, contender in GROUPS[group](netobs, full_bytes).items():
                references[name] = reference_of(group, name)
                if contender is None:
                    spin = name == REFERENCE["spin"]
                    runs[name] = lambda spin=spin: contenders.sockperf_round_trips(hosts, options.seconds, spin)
                else:
                    runs[name] = lambda contender=contender: contenders.netobs_round_trips(
                        hosts, options.seconds, contender)
        results, busiest = lab.interleave(runs, options.rounds, options.seed)
    print(f"{options.rounds} rounds of {options.seconds} s per contender, CPUs {lab.CLIENT_CPU} and "
          f"{lab.SERVER_CPU}; others used up to {busiest:.0%} of the CPUs")
    print(f"all layers: {len(trial['points'])} points on the two hosts, {full_bytes} bytes\n")
    print_figures(results, references)
    print()
    print_goals(results, options.only, full_bytes)
    return {"results": results, "busiest": busiest, "full_bytes": full_bytes, "points": trial["points"]}
