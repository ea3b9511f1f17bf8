"""Coverage of every timestamp point at a fixed rate, and at the highest rate that is kept up."""
import os
import tempfile

import contenders
import lab

TRANSPORTS = ("io_uring", "syscall")
EVERY_LAYER = "app,kernel,tc,auto"
KEPT_UP_LOSS = 0.01  # skipped, lost or refused, of those intended
START_RATE = 20_000
TOP_RATE = 1_000_000
RESOLUTION = 1.05  # the search ends when the rates that did and did not work are this close
TRIAL_LIMIT = 16
TRIAL_SECONDS = 3


def judge(summary):
    """Figures of one run, with the account of its timestamps checked."""
    probes = summary["probes"]
    intended = probes["sent"] + probes["skipped"]
    given_up = probes["skipped"] + probes["lost"] + probes["send_failed"]
    points, unbalanced = [], []
    for row in summary["points"]:
        missing = row["missing"]
        if row["captured"] + sum(missing.values()) != row["requested"]:
            unbalanced.append(row)
        if row["status"] != "on":
            continue
        # A timestamp missing for any other reason than a lost probe is charged to the answered ones.
        owed = sum(count for reason, count in missing.items() if reason != "probe_lost")
        covered = 1 - owed / probes["received"] if probes["received"] else 0.0
        points.append({"host": row["host"], "point": row["point"], "coverage": covered, "missing": missing})
    return {
        "intended": intended, "sent": probes["sent"], "received": probes["received"], "lost": probes["lost"],
        "skipped": probes["skipped"], "send_failed": probes["send_failed"],
        "given_up_share": given_up / intended if intended else 1.0,
        "points": points, "unbalanced": unbalanced, "notes": summary["notes"],
    }


def every_layer(transport):
    """What must be measured; past the stack there is no kernel and no tc to do it."""
    return "app,xdp,auto" if transport == "af_xdp" else EVERY_LAYER


def attempt(hosts, options, transport, rate, seconds, store=None, reflector=None):
    spin = options.wait == "spin"
    contender = contenders.Netobs(
        options.netobs, transport, every_layer(transport), schedule=("--rate", f"{rate}pps"), store=store,
        wait="spin" if spin else None, reflector_wait="spin" if spin else None, pinned=spin,
        reflector=reflector)
    return judge(contender.run(hosts, seconds)) | {"rate": rate, "seconds": seconds}


def least(figures):
    return min(figures["points"], key=lambda row: row["coverage"])


def print_run(name, figures, wanted_coverage):
    lowest = least(figures)
    balanced = "adds up" if not figures["unbalanced"] else f"DOES NOT ADD UP: {figures['unbalanced']}"
    met = "met" if lowest["coverage"] >= wanted_coverage else "NOT MET"
    print(f"{name:<26} {figures['rate']:>9,} /s for {figures['seconds']:2} s   sent {figures['sent']:,}   "
          f"lost {figures['lost']:,}   skipped {figures['skipped']:,}")
    print(f"{'':<26} least coverage {lowest['coverage']:.4%} ({lowest['host']} {lowest['point']}) of "
          f"{len(figures['points'])} points   goal >= {wanted_coverage:.1%}   {met}   ledger {balanced}")
    for row in figures["points"]:
        if row["missing"]:
            reasons = ", ".join(f"{reason} {count:,}" for reason, count in row["missing"].items())
            print(f"{'':<28} {row['host']} {row['point']}: {reasons}")
    for note in figures["notes"]:
        if note[:1].isdigit():  # a count of what was dropped; the others are advice on latency
            print(f"{'':<28} note: {note}")


def kept_up(figures):
    return figures["given_up_share"] < KEPT_UP_LOSS


def next_rate(works, fails):
    """Doubles until a rate fails, then halves the gap; None when it is narrow enough."""
    if fails is None:
        return min(TOP_RATE, 2 * works) if works < TOP_RATE else None
    if works == 0:
        return fails // 2 if fails > 1000 else None
    return round((works * fails) ** 0.5) if fails / works > RESOLUTION else None


def find_highest(hosts, options, transport, reflector=None):
    """The trials, and the full-length run at the highest rate that was kept up; None if none was."""
    trials, works, fails = [], 0, None
    rate = START_RATE
    while rate is not None and len(trials) < TRIAL_LIMIT:
        figures = attempt(hosts, options, transport, int(rate), TRIAL_SECONDS, reflector=reflector)
        trials.append(figures)
        works, fails = (rate, fails) if kept_up(figures) else (works, rate)
        rate = next_rate(works, fails)
    # A short trial may have been lucky.
    for _ in range(5):
        if works == 0:
            break
        final = attempt(hosts, options, transport, int(works), options.seconds, reflector=reflector)
        if kept_up(final):
            return trials, final
        works *= 0.9
    return trials, None


def fixed(hosts, options):
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        for transport in TRANSPORTS:
            for stored in (False, True):
                store = os.path.join(folder, f"{transport}.db") if stored else None
                name = f"{transport}{', into SQLite' if stored else ''}"
                results[name] = attempt(hosts, options, transport, options.rate, options.seconds, store)
                print_run(name, results[name], 0.999)
    return results


def highest(hosts, options):
    results = {}
    for transport in TRANSPORTS:
        trials, final = find_highest(hosts, options, transport)
        results[transport] = {"trials": trials, "final": final}
        tried = ", ".join(f"{trial['rate']:,}{'' if kept_up(trial) else ' no'}" for trial in trials)
        print(f"{transport}: tried {tried}")
        if final is None:
            print(f"{transport}: no rate was kept up")
        else:
            print_run(f"{transport}, highest", final, 0.99)
    return results


def run(options):
    parts = {"fixed": fixed, "highest": highest}
    with lab.TwoHosts() as hosts:
        busy = lab.busy_share()
        print(f"all layers on both hosts, wait: {options.wait}; others use {busy:.0%} of the CPUs\n")
        return {part: parts[part](hosts, options) for part in options.only}
