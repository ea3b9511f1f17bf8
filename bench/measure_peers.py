"""What other programs say of the same path: one probe per ms of 64 bytes, each as it waits by default."""
import json
import math
import re
import shutil
import statistics
import tempfile

import contenders
import lab

PAYLOAD_BYTES = 64
RATE = 1000
OURS, OURS_LAYERS = "netobs", "netobs, all layers"
MEASURES = {
    OURS: "program to program and back",
    OURS_LAYERS: "the same, and where the time went",
    "sockperf": "program to program and back",
    "irtt": "program to program and back",
    "ping": "program to the far kernel, back to the near kernel",
    "iperf3": "no round trip: jitter one way, program to program",
}


def quantile(values, share):
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def from_sample(values_ns, lost):
    if not values_ns:
        raise lab.BenchError("nothing was answered")
    return {"p50_ns": quantile(values_ns, 0.5), "p99_ns": quantile(values_ns, 0.99), "count": len(values_ns),
            "lost": lost}


def netobs(hosts, options, layers="app", size=PAYLOAD_BYTES):
    """Without further layers the jitter of one way is that between the two programs."""
    contender = contenders.Netobs(options.netobs, layers=layers, schedule=("--interval", "1ms"), size=size, pinned=False)
    summary = contender.run(hosts, options.seconds)
    app = summary["rtt_ns"]["app"]
    if app is None:
        raise lab.BenchError("no probe was answered")
    return {"p50_ns": app["p50"], "p99_ns": app["p99"], "count": app["count"], "lost": summary["probes"]["lost"],
            "jitter_ns": summary["jitter_ns"]["forward"]}


def sockperf(hosts, options):
    with hosts.server(lambda port: ["sockperf", "server", "-i", lab.SERVER_ADDRESS, "-p", str(port)]) as server:
        output = hosts.client(["sockperf", "under-load", "--full-rtt", f"--mps={RATE}", "--reply-every=1",
                               "-i", lab.SERVER_ADDRESS, "-p", str(server.port), "-m", str(PAYLOAD_BYTES),
                               "-t", str(options.seconds)], options.seconds + contenders.SLACK_S)
    found = [re.search(rf"percentile {key}\d* *= *([\d.]+)", output) for key in ("50.00", "99.00")]
    count = re.search(r"Total (\d+) observations", output)
    lost = re.search(r"dropped messages = (\d+)", output)
    if count is None or lost is None or not all(found):
        raise lab.BenchError(f"sockperf printed no percentiles:\n{output[-1000:]}")
    p50, p99 = (float(each[1]) * 1000 for each in found)
    return {"p50_ns": p50, "p99_ns": p99, "count": int(count[1]), "lost": int(lost[1])}


def netobs_layers(hosts, options):
    figures = netobs(hosts, options, layers="auto", size=None)
    del figures["jitter_ns"]  # of the way to the far host's kernel, which is another thing
    return figures


def irtt(hosts, options):
    with tempfile.NamedTemporaryFile(suffix=".json") as result:
        with hosts.server(lambda port: ["irtt", "server", "-i", "0", "-d", "0",
                                        "-b", f"{lab.SERVER_ADDRESS}:{port}"]) as server:
            hosts.client(["irtt", "client", "-Q", "-i", "1ms", "-d", f"{options.seconds}s", "-l", str(PAYLOAD_BYTES),
                          "-o", result.name, f"{lab.SERVER_ADDRESS}:{server.port}"],
                         options.seconds + contenders.SLACK_S)
        document = json.load(result)
    trips = [trip["delay"]["rtt"] for trip in document["round_trips"] if "rtt" in trip["delay"]]
    stats = document["stats"]
    return from_sample(trips, stats["packets_sent"] - stats["packets_received"])


def ping(hosts, options):
    count = options.seconds * RATE
    output = hosts.client(["ping", "-n", "-i", str(1 / RATE), "-c", str(count), "-s", str(PAYLOAD_BYTES),
                           lab.SERVER_ADDRESS], options.seconds + contenders.SLACK_S)
    trips = [float(each) * 1e6 for each in re.findall(r"time=([\d.]+) ms", output)]
    return from_sample(trips, count - len(trips))


def iperf3(hosts, options):
    with hosts.server(lambda port: ["iperf3", "-s", "-1", "-B", lab.SERVER_ADDRESS, "-p", str(port)]) as server:
        output = hosts.client(["iperf3", "-c", lab.SERVER_ADDRESS, "-p", str(server.port), "-u",
                               "-b", str(RATE * PAYLOAD_BYTES * 8), "-l", str(PAYLOAD_BYTES),
                               "-t", str(options.seconds), "-J"], options.seconds + contenders.SLACK_S)
    end = json.loads(output)["end"]["sum"]
    return {"jitter_ns": end["jitter_ms"] * 1e6, "count": end["packets"], "lost": end["lost_packets"]}


PEERS = {"sockperf": sockperf, "irtt": irtt, "ping": ping, "iperf3": iperf3}


def middle(rounds, key):
    values = [figures[key] for figures in rounds if figures and figures.get(key) is not None]
    return statistics.median(values) if values else None


def ratios(results, name, key):
    """Round by round: the noise that two neighbours share cancels."""
    return [theirs[key] / ours[key] for theirs, ours in zip(results[name], results[OURS])
            if theirs and ours and theirs.get(key) and ours.get(key)]


def us(value):
    return f"{value / 1000:9.2f}" if value is not None else f"{'--':>9}"


def print_row(results, name):
    rounds = results[name]
    if not any(rounds):
        print(f"{name:<19} {MEASURES[name]:<52} no run succeeded")
        return
    key = "p50_ns" if middle(rounds, "p50_ns") is not None else "jitter_ns"
    line = f"{name:<19} {MEASURES[name]:<52}" + "".join(
        us(middle(rounds, each)) for each in ("p50_ns", "p99_ns", "jitter_ns"))
    line += f"{sum(figures['lost'] for figures in rounds if figures):7}"
    values = ratios(results, name, key)
    if name != OURS and values:
        line += f"   {statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"
        line += "" if key == "p50_ns" else " of the jitter"
    print(line)


def run(options):
    missing = [name for name in PEERS if not shutil.which(name)]
    with lab.TwoHosts() as hosts:
        runs = {OURS: lambda: netobs(hosts, options), OURS_LAYERS: lambda: netobs_layers(hosts, options)}
        for name, peer in PEERS.items():
            if name not in missing:
                runs[name] = lambda peer=peer: peer(hosts, options)
        results, busiest = lab.interleave(runs, options.rounds, options.seed)
    print(f"{options.rounds} rounds of {options.seconds} s per program, one probe per ms, nothing pinned; others used up "
          f"to {busiest:.0%} of the CPUs\n")
    print(f"{'':<19} {'what it measures, us':<52}{'p50':>9}{'p99':>9}{'jitter':>9}{'lost':>7}   p50 to ours")
    for name in (OURS, OURS_LAYERS, *PEERS):
        if name in missing:
            print(f"{name:<19} {MEASURES[name]:<52} not installed: apt-get install {lab.PACKAGES[name]}")
        else:
            print_row(results, name)
    return {"results": results, "busiest": busiest, "missing": missing}
