#!/usr/bin/env python3
"""netobs compare and netobs gate: verdicts, exit status and every form of output.

Regressions are written into a run's JSON, so that nothing here depends on how fast the machine is;
how the gate fares against real ones is measured by bench/gate_proof.py.
"""

import json
import os
import signal
import subprocess
import time
import xml.etree.ElementTree

import lab
from lab import check, contains, equal

RESIDENCE = "segment.reflector.app_rx.reflector.app_tx"
GATE = ("gate", "--min-rounds", "16", "--max-rounds", "16", "--seed", "7")


def demo(host, name, *options):
    path = host.path(name)
    host.netobs("demo", "--count", "1200", "--interval", "200us", "--quiet", "--json", path,
                "--store", host.path("runs.db"), *options).expect(0)
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def steady(host, name, factors=None):
    """A run's JSON with blocks that hardly vary, whatever the machine did, in a file. factors: by metric."""
    with open(host.path("measured.json"), encoding="utf-8") as file:
        run = json.load(file)
    factors = dict(factors or {})
    for row in run["blocks"]["metrics"]:
        factor = factors.pop(row["key"], 1)
        for rank, part in enumerate(("p50", "p90", "p99")):
            level = (20_000 + 5_000 * rank) * factor
            row[part] = [round(level * (1 + number % 5 / 500)) for number in range(len(row[part]))]
    run["blocks"]["lost"] = [0] * len(run["blocks"]["lost"])
    equal(factors, {}, "metrics that the run does not have")
    return host.write(name, json.dumps(run))


def pair(host):
    """Files: a run, and one whose reflector holds the probes longer."""
    demo(host, "measured.json")
    return steady(host, "base.json"), steady(host, "slow.json", {"rtt.app": 1.2, RESIDENCE: 1.5})


def metric(result, name):
    return next(row for row in result["metrics"] if row["name"] == name)


def test_blocks_of_a_run(host):
    run = demo(host, "blocks.json")
    blocks = run["blocks"]
    equal((blocks["probes"], len(blocks["lost"])), (100, 12), "blocks of 1,200 probes")
    keys = [row["key"] for row in blocks["metrics"]]
    check("rtt.app" in keys and RESIDENCE in keys, f"{keys}")
    for row in blocks["metrics"]:
        equal(len(row["p50"]), 12, row["key"])
    app = next(row for row in blocks["metrics"] if row["key"] == "rtt.app")
    check(run["rtt_ns"]["app"]["min"] <= min(app["p50"]) and max(app["p99"]) <= run["rtt_ns"]["app"]["max"],
          "blocks lie within the run's extremes")


def test_compare_files(host):
    base, slow = pair(host)
    same = host.netobs("compare", base, base, "--json", "-").expect(0).json()
    equal((same["verdict"], same["headline"]), ("same", None), "verdict")
    equal(same["schema"], "netobs.compare/1", "schema")
    equal({row["change_pct"] for row in same["metrics"]} - {None, 0}, set(), "changes")

    worse = host.netobs("compare", base, slow, "--json", "-").expect(4).json()
    equal((worse["verdict"], worse["headline"], worse["culprit"]),
          ("worse", "rtt.app.p50", RESIDENCE + ".p50"), "verdict")
    row = metric(worse, "rtt.app.p50")
    check(row["ci_pct"][0] <= row["change_pct"] <= row["ci_pct"][1] and row["p_value"] < 1e-4, f"{row}")
    equal(metric(worse, "lost")["verdict"], "same", "loss")

    better = host.netobs("compare", slow, base, "--json", "-").expect(0).json()
    equal(better["verdict"], "better", "the other way round")
    tolerant = host.netobs("compare", base, slow, "--threshold", "1000", "--json", "-").expect(0).json()
    check(tolerant["verdict"] != "worse", "a threshold of 1,000 per cent")
    tolerant = host.netobs("compare", base, slow, "--min-change", "1s", "--json", "-").expect(0).json()
    check(tolerant["verdict"] != "worse", "a least change of a second")


def test_forms(host):
    base, slow = pair(host)
    junit, markdown = host.path("out.xml"), host.path("out.md")
    text = host.netobs("compare", base, slow, "--junit", junit, "--markdown", markdown).expect(4)
    contains(text.out, "verdict  Worse:", "text")
    contains(text.out, "residence", "text")
    equal([line for line in text.out.splitlines() if len(line) > 80], [], "lines of more than 80 columns")
    check("\x1b" not in text.out and text.err == "", "clean in a pipe")
    suite = xml.etree.ElementTree.parse(junit).getroot().find("testsuite")
    failed = [case.get("name") for case in suite if case.find("failure") is not None]
    equal(int(suite.get("failures")), len(failed), "failures")
    check("rtt.app.p50" in failed, f"{failed}")
    with open(markdown, encoding="utf-8") as file:
        contains(file.read(), "**worse**", "Markdown")
    equal(host.netobs("compare", base, slow, "--quiet").expect(4).out, "", "quiet")


def test_compare_stored_runs(host):
    first = demo(host, "first.json")["run"]["id"]
    second = demo(host, "second.json")["run"]["id"]
    store = ("--store", host.path("runs.db"))
    by_id = host.netobs("compare", first[:8], "last", *store, "--json", "-")
    check(by_id.status in (0, 4), by_id.err)
    by_file = host.netobs("compare", host.path("first.json"), host.path("second.json"), "--json", "-")
    equal(by_id.json(), by_file.json(), "a stored run and its JSON")
    contains(by_id.json()["new"], second, "title")


def test_compare_several_runs(host):
    base, slow = pair(host)
    equal(host.netobs("compare", ",".join([base] * 8), ",".join([base] * 8), "--json", "-").expect(0).json()["verdict"],
          "same", "eight equal runs a side")
    worse = host.netobs("compare", ",".join([base] * 8), ",".join([slow] * 8), "--json", "-").expect(4).json()
    equal((metric(worse, "rtt.app.p50")["new_blocks"], worse["culprit"], worse["notes"]), (8, RESIDENCE + ".p50", []),
          "eight runs a side")
    single = host.netobs("compare", base, slow, "--json", "-").expect(4).json()
    contains(" ".join(single["notes"]), "One run a side", "single runs")


def test_compare_benchmarks(host):
    def bench(name, factor):
        rows = [{"name": f"walk/{size}", "run_type": "iteration", "time_unit": "ns", "real_time": 900,
                 "cpu_time": size * factor + repetition} for size in (100, 200) for repetition in range(8)]
        return host.write(name, json.dumps({"context": {}, "benchmarks": rows}))

    equal(host.netobs("compare", bench("a.json", 1), bench("b.json", 1), "--json", "-").expect(0).json()["verdict"],
          "same", "equal benchmarks")
    slow = host.netobs("compare", bench("a.json", 1), bench("b.json", 1.3), "--json", "-").expect(4).json()
    equal([row["verdict"] for row in slow["metrics"]], ["worse", "worse"], "slower benchmarks")


def test_gate_reads_what_commands_write(host):
    base, slow = pair(host)
    same = host.netobs(*GATE, "--json", "-", "--", "cat", base, "--", "cat", base).expect(0).json()
    equal((same["verdict"], same["design"]), ("same", "paired"), "A/A")
    worse = host.netobs(*GATE, "--json", "-", "--", "cat", base, "--", "cat", slow).expect(4).json()
    equal((worse["verdict"], worse["culprit"]), ("worse", RESIDENCE + ".p50"), "verdict")
    equal(metric(worse, "rtt.app.p50")["base_blocks"], 32, "rounds of both looks")
    few = host.netobs("gate", "--min-rounds", "6", "--max-rounds", "6", "--json", "-", "--", "cat", base, "--", "cat",
                      slow).expect(0).json()
    contains(few["summary"], "may be chance", "six rounds prove nothing among so many metrics")
    contains(" ".join(worse["notes"]), "again in a second look", "notes")
    contains(" ".join(worse["notes"]), "seed 7", "notes")
    equal(worse["base"], f"cat {base}", "title")


def test_gate_of_real_runs(host):
    with host.reflector("--listen", f"{lab.B4}:8620"), host.reflector("--listen", f"{lab.B4}:8621"):
        run = [["rtt", f"{lab.B4}:{port}", "--count", "200", "--ping-pong", "--no-store", "--quiet", "--json", "-"]
               for port in (8620, 8621)]
        found = host.netobs(*GATE, "--json", "-", "--", host.binary, *run[0], "--", host.binary, *run[1],
                            namespace=host.a, timeout_s=200)
    check(found.status in (0, 4), found.err)
    result = found.json()
    check(metric(result, "rtt.app.p50")["base_blocks"] >= 16, "rounds")
    check(metric(result, RESIDENCE + ".p50")["base"] > 0, "residence")


def test_gate_by_time(host):
    found = host.netobs(*GATE, "--json", "-", "--", "sleep", "0.01", "--", "sleep", "0.1").expect(4).json()
    equal([row["name"] for row in found["metrics"]], ["command.wall_time"], "metrics")
    contains(" ".join(found["notes"]), "no JSON", "notes")


def test_order_by_seed(host):
    log = host.path("order")
    def order(seed):
        if os.path.exists(log):
            os.unlink(log)
        host.netobs("gate", "--min-rounds", "12", "--max-rounds", "12", "--seed", str(seed), "--quiet", "--threshold",
                    "1000", "--", "sh", "-c", f"echo a >> {log}", "--", "sh", "-c", f"echo b >> {log}").expect(0)
        with open(log, encoding="utf-8") as file:
            return file.read().split()
    first = order(3)
    equal(len(first), 26, "12 rounds and a warm-up")
    for i in range(0, len(first), 2):
        equal(sorted(first[i:i + 2]), ["a", "b"], "a round")
    equal(order(3), first, "the same seed")
    check(order(4) != first, "another seed")


def test_the_script_for_ci(host):
    """Its exit status is the gate's; nothing of it stays behind."""
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../tools/ci/gate")
    out = host.path("result")
    done = host.spawn([script, host.binary, host.binary, out, "--", "--min-rounds", "6", "--max-rounds", "6",
                       "--warm-up", "0"]).wait(120)
    check(done.status in (0, 4), done.err)
    with open(f"{out}/verdict.json", encoding="utf-8") as file:
        equal(json.load(file)["verdict"] == "worse", done.status == 4, "verdict and exit status")
    xml.etree.ElementTree.parse(f"{out}/verdict.xml")
    check(os.path.getsize(f"{out}/verdict.md") > 0, "Markdown")
    check("netobs-gate-" not in host.sh("ip", "netns", "list"), "namespaces left")
    refused = host.spawn([script, host.binary, host.path("nothing"), out]).wait()
    equal(refused.status, 1, "a program that is not there")
    for name in ("github-actions.yml", "gitlab-ci.yml"):
        with open(os.path.join(os.path.dirname(script), name), encoding="utf-8") as file:
            contains(file.read(), "tools/ci/gate ", f"{name} calls the script")


def test_errors(host):
    run = demo(host, "base.json")
    base = host.path("base.json")
    run["blocks"]["lost"] = []
    short = host.write("short.json", json.dumps(run))
    garbage = host.write("garbage.json", "\x00not json")
    for command, status in ((["compare", base], 2), (["compare", base, "nonsense"], 2),
                            (["compare", base, garbage], 1), (["compare", short, base], 1),
                            (["compare", base, base, "--alpha", "2"], 2),
                            (["compare", base, base, "--threshold", "-1"], 2),
                            (["compare", base, base, "--min-change", "soon"], 2),
                            (["gate"], 2), (["gate", "--", "true"], 2), (["gate", "--", "true", "--"], 2),
                            (["gate", "--", "false", "--", "true"], 1),
                            (["gate", "--", "no-such-program", "--", "true"], 1),
                            (["gate", "--block-limit", "100ms", "--", "sleep", "5", "--", "true"], 1),
                            ([*GATE, "--", "cat", garbage, "--", "cat", short], 1)):
        refused = host.netobs(*command, "--store", host.path("runs.db")) if command[0] == "compare" \
            else host.netobs(*command)
        refused.expect(status)
        equal(refused.out, "", f"stdout of {command}")
        contains(refused.err, "\n", f"{command} says why")


def test_stop_keeps_the_rounds(host):
    process = host.start("gate", "--min-rounds", "500", "--max-rounds", "500", "--json", "-", "--",
                         "sleep", "0.02", "--", "sleep", "0.02")
    time.sleep(2)
    result = process.stop(signal.SIGINT)
    check(result.status in (0, 4), result.err)
    check(result.json()["metrics"][0]["base_blocks"] >= 6, "rounds so far")
    left = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True, check=False).stdout
    equal(left, "", "children left")


if __name__ == "__main__":
    lab.main(globals())
