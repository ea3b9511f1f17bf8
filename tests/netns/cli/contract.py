"""The JSON contract of rtt, demo and report ("netobs.rtt/1"): fixed names, types and sums."""

import contextlib
import sqlite3

from lab import check, equal

POINTS = ["app_tx", "tx_sched", "tc_egress", "pcap_tx", "net_dev_start_xmit", "tx_software", "xdp_tx",
          "tx_completion", "tx_hardware", "rx_hardware", "xdp_rx", "rx_software", "pcap_rx", "tc_ingress",
          "socket_delivery", "skb_copy_datagram_iovec", "app_rx"]
COUNTS = ["sent", "received", "lost", "lost_forward", "lost_backward", "duplicate", "reordered",
          "skipped"]
FIGURES = ["count", "min", "mean", "p50", "p90", "p99", "p99_9", "max", "stddev"]


def is_count(value):
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def number_or_null(value):
    return value is None or is_number(value)


def check_figures(figures, what):
    for key in FIGURES:
        check(key in figures, f"{what} lacks {key}")
        check(number_or_null(figures[key]), f"{what}.{key} is {figures[key]!r}")
    check(figures["count"] > 0, f"{what} of nothing must be null")
    check(figures["min"] <= figures["mean"] <= figures["max"], f"{what}: {figures}")


def check_points(document):
    seen = set()
    for row in document["points"]:
        what = f"{row['host']} {row['point']}"
        check(row["host"] in ("sender", "reflector") and row["point"] in POINTS, what)
        check((row["host"], row["point"]) not in seen, f"{what} stands twice")
        seen.add((row["host"], row["point"]))
        for key in ("requested", "captured"):
            check(is_count(row[key]), f"{what}: {key} is {row[key]!r}")
        check(all(is_count(n) and n > 0 for n in row["missing"].values()), f"{what}: {row}")
        equal(row["captured"] + sum(row["missing"].values()), row["requested"],
              f"{what}: captured and missing ({row['missing']})")
        if row["requested"] == 0:
            equal(row["coverage"], None, f"{what}: coverage of nothing")
        else:
            check(abs(row["coverage"] - row["captured"] / row["requested"]) < 1e-9, f"{what}: {row}")
    equal(len(seen), 2 * len(POINTS), "points in the document")


def check_segments(document):
    for row in document["segments"]:
        for end in ("from", "to"):
            check(row[end]["host"] in ("sender", "reflector") and row[end]["point"] in POINTS, str(row))
        check(isinstance(row["name"], str) and is_count(row["count"]), str(row))
        for key in ("p50", "p99", "mean", "max"):
            check(number_or_null(row[key]), f"segment {row['name']}: {key} is {row[key]!r}")


def check_sum_of_segments(document):
    """Every probe passed every segment: then the means add up to that of the round trip."""
    rows = [row for row in document["segments"] if row["count"] > 0]
    whole = document["rtt_ns"]["app"]
    for row in rows:
        equal(row["count"], whole["count"], f"samples of segment {row['name']}")
    total = sum(row["mean"] for row in rows)
    check(abs(total - whole["mean"]) < 1.0, f"segments' means add up to {total}, RTT {whole['mean']}")


def check_contract(document, sent=None):
    """Everything that holds for every run, however it went."""
    equal(document["schema"], "netobs.rtt/1", "schema")
    for key in ("id", "target", "transport", "schedule", "started_at"):
        check(isinstance(document["run"][key], str) and document["run"][key], f"run.{key}")
    check(isinstance(document["environment"], dict) and document["environment"], "environment")
    probes = document["probes"]
    for key in COUNTS:
        check(is_count(probes[key]), f"probes.{key} is {probes[key]!r}")
    equal(probes["received"] + probes["lost"], probes["sent"], f"received and lost of {probes}")
    check(probes["lost_forward"] + probes["lost_backward"] <= probes["lost"], str(probes))
    if sent is not None:
        equal(probes["sent"], sent, "probes sent")
    check_points(document)
    equal(sorted(document["rtt_ns"]), ["app", "kernel", "nic", "pcap", "tc"], "views")
    for name, figures in document["rtt_ns"].items():
        if figures is not None:
            check_figures(figures, f"rtt_ns.{name}")
    check_segments(document)
    if document["send_error_ns"] is not None:
        for key in ("p50", "p99", "max"):
            check(number_or_null(document["send_error_ns"][key]), f"send_error_ns.{key}")
    for key in ("causal_order", "identity"):
        equal(document["violations"][key], 0, f"violations.{key} ({document['violations']})")
    for row in document["store"]:
        check(isinstance(row["url"], str), str(row))
        # A probe that the kernel refused to send has a row and no packet.
        equal(row["rows_written"] + row["rows_spilled"] + row["rows_lost"],
              probes["sent"] + probes["send_failed"], f"rows of {row['url']}")
    return document


def points(document, host):
    """{point: row} of one host."""
    return {row["point"]: row for row in document["points"] if row["host"] == host}


def working(document, host):
    """The points that the run measured at this host."""
    return {name for name, row in points(document, host).items() if row["status"] == "on"}


def check_coverage(document, least=0.999):
    """Every point that is on delivers for (nearly) every answered probe."""
    for row in document["points"]:
        if row["status"] != "on":
            equal(row["requested"], 0, f"{row['host']} {row['point']} is {row['status']}; requested")
            continue
        check(row["captured"] >= least * document["probes"]["received"],
              f"{row['host']} {row['point']}: {row['captured']} of "
              f"{document['probes']['received']}, missing {row['missing']}")


def rows_of(path, run_id, query):
    """Rows of one run; the query has a placeholder for its id."""
    number = int(run_id, 16)
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        return db.execute(query, (number,)).fetchall()


def check_tables(path, document):
    """The tables that are read by SQL say what the document says."""
    run_id, probes = document["run"]["id"], document["probes"]
    counts = dict(rows_of(path, run_id, "select name, sum(count) from interval_counts where run_id=? group by name"))
    for key in COUNTS + ["late", "send_failed", "clock_stepped"]:
        if key != "skipped":
            equal(counts.get(key, 0), probes[key], f"{key} over the intervals")
    for key in ("causal_order", "identity"):
        equal(counts.get(key, 0), document["violations"][key], f"{key} over the intervals")
    for key in ("requested", "captured"):
        equal(counts[f"points_{key}"], sum(row[key] for row in document["points"]), f"points {key}")
    whole = {row[0]: row[1:] for row in rows_of(
        path, run_id, "select metric, kind, position, host, count, min_ns, max_ns, p50_ns, p99_ns "
        "from run_metrics where run_id=?")}
    buckets = dict(rows_of(
        path, run_id, "select metric, sum(count) from rollup_buckets where run_id=? group by metric"))
    for view, figures in document["rtt_ns"].items():
        if figures is None:
            check(f"rtt.{view}" not in whole and f"rtt.{view}" not in buckets, view)
            continue
        equal(buckets[f"rtt.{view}"], figures["count"], f"rtt.{view} in buckets")
        equal(whole[f"rtt.{view}"][0], "view", view)
        equal(whole[f"rtt.{view}"][3:], tuple(figures[key] for key in ("count", "min", "max", "p50", "p99")), view)
    segments = [row for row in document["segments"] if row["count"] > 0]
    equal(sorted(row[3] for row in whole.values() if row[0] == "segment"),
          sorted(row["count"] for row in segments), "samples of the segments in run_metrics")
    check(all((row[2] != "") == (row[0] == "segment") for row in whole.values()), "hosts in run_metrics")


def sqlite_rows(path, run_id=None):
    """Probe rows of a run (its id as the JSON has it), or of all."""
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        rows = db.execute("select run_id, count(*) from probes group by run_id").fetchall()
    if run_id is None:
        return sum(count for _, count in rows)
    return sum(count for number, count in rows if f"{number & (2**64 - 1):016x}" == run_id)


def rows_so_far(path):
    """Of a store that a run is writing: 0 while it is not made yet, or busy."""
    try:
        return sqlite_rows(path)
    except sqlite3.Error:
        return 0
