"""The programs that are compared, each as a function that runs it once and returns figures."""
import dataclasses
import json
import re

import lab

SLACK_S = 30  # beyond the duration of a run: warm-up, draining, the summary


@dataclasses.dataclass(frozen=True)
class Netobs:
    """One way to run `netobs rtt` against `netobs reflect`."""

    program: str
    transport: str = "auto"
    layers: str = "auto"
    schedule: tuple = ("--ping-pong",)
    size: int | None = None  # bytes; None: the smallest that carries all layers
    wait: str | None = None  # None: the default
    reflector_wait: str | None = None
    pinned: bool = True  # the sender on one CPU, the reflector on another
    store: str | None = None
    reflector: tuple | None = None  # None: the same transport; else how it answers

    def reflect_command(self, port):
        how = self.reflector or ("--transport", self.transport)
        command = [self.program, "reflect", "--listen", f"{lab.SERVER_ADDRESS}:{port}",
                   "--layers", self.layers, *how, "--rate-limit", "2000000"]
        if self.reflector_wait:
            command += ["--wait", self.reflector_wait]
        if self.pinned:
            command += ["--cpu", lab.SERVER_CPU]
        return command

    def rtt_command(self, port, seconds):
        command = [self.program, "rtt", f"{lab.SERVER_ADDRESS}:{port}", "--layers", self.layers,
                   "--transport", self.transport, *self.schedule, "--duration", f"{seconds}s",
                   "--json", "-", "--quiet"]
        command += ["--store", self.store] if self.store else ["--no-store"]
        if self.size:
            command += ["--size", str(self.size)]
        if self.wait:
            command += ["--wait", self.wait]
        if self.pinned:
            command += ["--cpu", lab.CLIENT_CPU]
        return command

    def run(self, hosts, seconds):
        """The run's summary, as `netobs rtt --json` gives it."""
        with hosts.server(self.reflect_command, "answering on") as server:
            output = hosts.client(self.rtt_command(server.port, seconds), seconds + SLACK_S)
        try:
            return json.loads(output)
        except json.JSONDecodeError as error:
            raise lab.BenchError(f"netobs printed no summary: {error}\n{output[:500]}") from error


def netobs_round_trips(hosts, seconds, contender):
    """Application round trips, from the application's own two timestamps of each probe."""
    summary = contender.run(hosts, seconds)
    app = summary["rtt_ns"]["app"]
    if app is None:
        raise lab.BenchError(f"no probe was answered: {summary['probes']}")
    probes = summary["probes"]
    return {
        "p50_ns": app["p50"],
        "p99_ns": app["p99"] or app["max"],
        "count": app["count"],
        "lost": probes["lost"],
        "bytes": summary["run"]["size_bytes"],
        "points": sorted(f"{row['host']} {row['point']}" for row in summary["points"] if row["captured"]),
        "least_coverage": min(row["coverage"] for row in summary["points"] if row["requested"]),
    }


def sockperf_round_trips(hosts, seconds, spin, size=64):
    """Full round trips, as sockperf prints them."""
    flags = ["--nonblocked"] if spin else []

    def listen(port):
        return ["taskset", "-c", lab.SERVER_CPU, "sockperf", "server", *flags,
                "-i", lab.SERVER_ADDRESS, "-p", str(port)]

    with hosts.server(listen) as server:
        output = hosts.client(
            ["taskset", "-c", lab.CLIENT_CPU, "sockperf", "ping-pong", *flags, "--full-rtt",
             "-i", lab.SERVER_ADDRESS, "-p", str(server.port), "-m", str(size), "-t", str(seconds)],
            seconds + SLACK_S)
    found = {key: re.search(rf"percentile {key}\d* *= *([\d.]+)", output) for key in ("50.00", "99.00")}
    count = re.search(r"Total (\d+) observations", output)
    if count is None or not all(found.values()):
        raise lab.BenchError(f"sockperf printed no percentiles:\n{output[-1000:]}")
    return {"p50_ns": float(found["50.00"][1]) * 1000, "p99_ns": float(found["99.00"][1]) * 1000,
            "count": int(count[1]), "lost": 0, "bytes": size}
