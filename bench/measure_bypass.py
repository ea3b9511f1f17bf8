"""Past the kernel's stack: round trips to the XDP reflector, and the rate at which every record is complete."""
import statistics

import contenders
import lab
import measure_rate

XDP_REFLECTOR = ("--mode", "xdp", "--xdp-mode", "copy")


def round_trips(hosts, options):
    """Both spinning, application layer alone; the ratio is taken round by round."""
    def contender(transport, reflector=None):
        return contenders.Netobs(options.netobs, transport, "app", wait="spin", reflector_wait="spin",
                                 reflector=reflector)

    ways = {"io_uring to io_uring": contender("io_uring"),
            "af_xdp to af_xdp": contender("af_xdp"),
            "af_xdp to xdp": contender("af_xdp", XDP_REFLECTOR)}
    rounds = {name: [] for name in ways}
    for number in range(options.rounds):
        names = list(ways)
        names = names[number % len(names):] + names[:number % len(names)]
        for name in names:
            rounds[name].append(contenders.netobs_round_trips(hosts, options.seconds, ways[name])["p50_ns"])
    for name, values in rounds.items():
        print(f"{name:<22} p50 {statistics.median(values) / 1000:6.2f} us (median of {options.rounds} rounds)")
    for name, goal in (("af_xdp to xdp", 0.6), ("af_xdp to af_xdp", None)):
        ratios = [ours / base for ours, base in zip(rounds[name], rounds["io_uring to io_uring"])]
        middle = statistics.median(ratios)
        verdict = "" if goal is None else f"   goal <= {goal}   {'met' if middle <= goal else 'NOT MET'}"
        print(f"{name} / io_uring: {middle:.2f} (lowest {min(ratios):.2f}, highest {max(ratios):.2f}){verdict}")
    return rounds


def complete_rate(hosts, options):
    """The highest rate kept up with every layer of the path, spinning, by the search of `rate`."""
    options.wait = "spin"
    results = {}
    for name, transport, reflector in (("io_uring", "io_uring", None), ("af_xdp", "af_xdp", None),
                                       ("af_xdp to xdp", "af_xdp", XDP_REFLECTOR)):
        trials, final = measure_rate.find_highest(hosts, options, transport, reflector)
        results[name] = {"trials": trials, "final": final}
        if final is None:
            print(f"{name}: no rate was kept up")
        else:
            measure_rate.print_run(f"{name}, highest", final, 0.99)
    base = results["io_uring"]["final"]
    for name in ("af_xdp", "af_xdp to xdp"):
        if base and results[name]["final"]:
            ratio = results[name]["final"]["rate"] / base["rate"]
            print(f"{name} / io_uring: {ratio:.2f}   goal >= 2   {'met' if ratio >= 2 else 'NOT MET'}")
    return results


def run(options):
    parts = {"rtt": round_trips, "rate": complete_rate}
    with lab.TwoHosts() as hosts:
        print(f"others use {lab.busy_share():.0%} of the CPUs\n")
        return {part: parts[part](hosts, options) for part in options.only}
