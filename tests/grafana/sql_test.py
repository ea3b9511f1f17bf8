#!/usr/bin/env python3
"""The SQL of every panel and variable, expanded as Grafana does, against a MariaDB server of its own that holds real runs
(measured.py). Plans are looked at on made-up rows, because a server reads small tables as it likes.
"""

import signal
import sys

import lab
import mariadb_server
import synthetic
from grafana_sql import QueryError, Range, ask, expand, full_scans, queries_of, variables_of
from lab import Failure, Skip, check, equal
from measured import LOST_BACK, LOST_OUT, SECOND_NS, measured_in

HOT_TABLES = {"probes", "rollups", "rollup_buckets", "interval_counts", "run_metrics", "run_points"}
# Nothing in this laboratory has a name to look up.
MAY_BE_EMPTY = {"netobs-conditions: DNS (A)"}


def all_queries(board):
    for name, variable in variables_of(board).items():
        if variable["type"] == "query":
            yield f"{board['uid']}: variable {name}", "table", variable["query"]
    for title, form, sql, _ in queries_of(board):
        yield title, form, sql


def is_filled(answer):
    names = [name for name in answer.columns if name not in ("time", "metric")]
    return any(row[name] is not None for row in answer.rows for name in names)


def near(actual, expected, part, what):
    check(abs(actual - expected) <= part * abs(expected), f"{what}: {actual}, expected {expected} within {part:.1%}")


def only_value(answer):
    equal(len(answer.rows), 1, "rows of a single figure")
    return next(iter(answer.rows[0].values()))


def whole(store, interval_ms=1000):
    return Range(*store.everything, interval_ms)


def store_of(host):
    return measured_in(host, host.mariadb)


def test_every_query_answers(host):
    store, wrong = store_of(host), []
    for board in store.boards.values():
        for interval_ms in (1000, 60_000):
            for title, form, sql in all_queries(board):
                try:
                    # Of the run with loss, which has something to show in every panel.
                    answer = store.ask(board, sql, form, store.lossy, whole(store, interval_ms))
                    if not is_filled(answer) and title not in MAY_BE_EMPTY:
                        wrong.append(f"{title}: empty")
                except QueryError as error:
                    wrong.append(f"{title}: {error}")
    check(not wrong, "\n".join(wrong))


def test_variables(host):
    store = store_of(host)
    board = store.boards["netobs-run"]
    sql = variables_of(board)["run"]["query"]
    answer = store.ask(board, sql, "table", store.clean, whole(store))
    equal(answer.columns, {"__value": "text", "__text": "text"}, "columns of the variable run")
    labels = {row["__value"]: row["__text"] for row in answer.rows}
    for run in store.runs:
        check(run.number in labels, f"no {run.number} among {labels}")
        check(labels[run.number].endswith(run.document["run"]["id"][-6:]), str(labels))
    equal(len(labels), 4, "runs to choose from, the killed one among them")
    check(max(int(number) for number in labels) > 2**53, "these numbers must not pass through JavaScript's")
    one = store.ask(board, sql, "table", store.clean, whole(store), target=["no'where", store.lossy.target])
    equal([row["__value"] for row in one.rows], [store.lossy.number], f"runs of {store.lossy.target}")


def test_percentiles_ascend(host):
    run, title = store_of(host).clean, "Round trip of the chosen view: percentiles"
    for interval_ms in (1000, 60_000):
        series = run.panel("netobs-overview", title, interval_ms=interval_ms).series()
        longest = run.panel("netobs-overview", title, "B", interval_ms=interval_ms).series()["max"]
        check({"p50", "p90", "p99"} <= set(series), f"quantiles: {list(series)}")
        for time, most in longest.items():
            values = [series[name][time] for name in ("p50", "p90", "p99", "p99.9") if time in series.get(name, {})]
            equal(values, sorted(values), f"percentiles at {time}")
            # Interpolation stays inside the bucket of the maximum, which ends above it.
            check(values[-1] <= 1.25 * most, f"{values} and max {most}")


def test_quantiles_agree_with_the_run(host):
    run = store_of(host).clean
    exact = run.document["rtt_ns"]["app"]
    ranged = {row["quantile"]: row for row in run.panel("netobs-distribution", "Quantiles of the time range").rows}
    for name, key in (("p50", "p50"), ("p90", "p90"), ("p99", "p99"), ("p99.9", "p99_9")):
        row = ranged[name]
        # The exact one is the middle of a fine bucket that lies inside the coarse one.
        check(row["at least"] <= exact[key] < row["below"], f"{name}: {row}, exactly {exact[key]}")
        check(row["at least"] <= row["round trip"] <= row["below"], f"{name}: {row}")
    first = run.panel("netobs-run", "Round trip by view").rows[0]
    equal(first["view"], "application", "first view")
    for key, column in (("p50", "p50"), ("p99", "p99"), ("max", "max"), ("count", "answers")):
        equal(first[column], exact[key], f"{column} of the run")


def test_histograms_hold_every_answer(host):
    store = store_of(host)
    answered = sum(run.document["probes"]["received"] for run in store.runs) + store.answers_of_killed()
    for interval_ms in (1000, 60_000):
        heat = store.panel("netobs-distribution", "Round trips over time", store.clean, whole(store, interval_ms))
        equal(sum(heat.column("value")), answered, "answers in the heatmap")
    bars = store.panel("netobs-distribution", "Histogram of the time range", store.clean, whole(store))
    near(sum(bars.column("share")), 1, 1e-6, "shares of the histogram")


def test_gaps_between_layers(host):
    run = store_of(host).clean
    series = run.panel("netobs-overview", "The gap between layers", interval_ms=60_000).series()
    means = {name: figures["mean"] for name, figures in run.document["rtt_ns"].items() if figures}
    for name, outside, inside in (("application less eBPF tc", "app", "tc"), ("eBPF tc less kernel", "tc", "kernel"),
                                  ("application less kernel", "app", "kernel")):
        if outside in means and inside in means:
            seen, expected = list(series[name].values()), means[outside] - means[inside]
            # One or two points, if the run lies across a full minute.
            check(min(seen) <= 1.1 * expected and max(seen) >= 0.9 * expected, f"{name}: {seen}, expected {expected}")


def test_segments_add_up(host):
    run, title = store_of(host).clean, "Segments over time, stacked"
    for uid in ("netobs-segments", "netobs-run"):
        stacked = run.panel(uid, title)
        for time, mean in run.panel(uid, title, "B").series()["mean round trip"].items():
            near(sum(row["value"] for row in stacked.rows if row["time"] == time), mean, 0.02, f"{uid}: stack at {time}")
        names = sorted({row["metric"] for row in stacked.rows})
        check(names[0].startswith("01 sender:"), f"the path begins with {names[0]}")
        equal(len(names), len(run.document["segments"]), f"segments: {names}")
    equal(set(run.panel("netobs-segments", "By host").series()), {"sender", "network", "reflector"}, "hosts")
    shares = run.panel("netobs-run", "Segments").rows
    near(sum(row["share"] for row in shares), 1, 0.02, "shares of the segments")
    for row, segment in zip(shares, run.document["segments"]):
        check(row["segment"].endswith(segment["name"]), f"{row['segment']}, expected {segment['name']}")
        equal((row["probes"], row["max"]), (segment["count"], segment["max"]), segment["name"])


def test_loss(host):
    run = store_of(host).lossy
    probes = run.document["probes"]
    check(probes["lost_forward"] >= len(LOST_OUT) and probes["lost_backward"] >= len(LOST_BACK), f"lost: {probes}")
    equal(only_value(run.panel("netobs-loss", "Sent")), probes["sent"], "sent")
    equal(only_value(run.panel("netobs-loss", "Lost")), probes["lost"], "lost")
    for uid, title in (("netobs-loss", "Lost share"), ("netobs-overview", "Lost")):
        near(only_value(run.panel(uid, title)), probes["lost"] / probes["sent"], 1e-9, title)
    ways = run.panel("netobs-loss", "Lost probes by direction")
    equal(sum(ways.column("out")), probes["lost_forward"], "lost on the way out")
    equal(sum(ways.column("back")), probes["lost_backward"], "lost on the way back")
    names = ("out", "back", "direction unknown", "late")
    equal(sum(sum(ways.column(name)) for name in names), probes["lost"], "all losses")
    became = {row["what"]: row["count"] for row in run.panel("netobs-run", "What became of the probes").rows}
    for name in ("sent", "received", "lost", "lost_forward", "lost_backward"):
        equal(became[name], probes[name], name)
    wrong = run.document["violations"]
    equal(only_value(run.panel("netobs-loss", "Impossible records")), wrong["causal_order"] + wrong["identity"],
          "impossible records")


def test_coverage(host):
    run = store_of(host).lossy
    points = run.document["points"]
    requested, captured = (sum(row[key] for row in points) for key in ("requested", "captured"))
    expected = {(row["host"], row["point"]): (row["requested"], row["captured"]) for row in points if row["requested"]}
    near(only_value(run.panel("netobs-loss", "Coverage")), captured / requested, 1e-9, "coverage")
    for uid in ("netobs-loss", "netobs-run"):
        rows = {(row["host"], row["point"]): (row["requested"], row["captured"])
                for row in run.panel(uid, "Coverage by point").rows}
        equal(rows, expected, f"{uid}: coverage by point")
        missing = run.panel(uid, "Why timestamps are missing")
        equal(sum(missing.column("timestamps")), requested - captured, f"{uid}: timestamps that are missing")
        check("probe_lost" in missing.column("reason") and all(missing.column("meaning")), f"{uid}: {missing.rows}")


def test_a_second_leads_to_its_raw_probes(host):
    store = store_of(host)
    for run in (store.clean, store.lossy):
        worst = run.panel("netobs-run", "Worst seconds").rows[0]
        equal(worst["max"], run.document["rtt_ns"]["app"]["max"], "the longest round trip of the worst second")
        raw = run.panel("netobs-run", "Raw probes", first=worst["first probe"]).rows
        inside = [row["application"] for row in raw if row["time"] // 1000 == worst["time"] // 1000 and row["application"]]
        equal(max(inside), worst["max"], "the longest among the raw probes that the link shows")
    raw = store.lossy.panel("netobs-run", "Raw probes").rows
    lost = {row["probe"] for row in raw if row["outcome"] == "lost on the way out"}
    check(LOST_OUT <= lost, f"raw probes lost on the way out: {lost}")


def test_compared_runs(host):
    store = store_of(host)
    a, b = store.clean.document["rtt_ns"]["app"], store.lossy.document["rtt_ns"]["app"]

    def compare(title, other):
        return store.panel("netobs-compare", title, store.clean, whole(store), run_b=other.number)

    first = compare("Round trip by view", store.lossy).rows[0]
    equal((first["p50 A"], first["p50 B"], first["p50 B - A"]), (a["p50"], b["p50"], b["p50"] - a["p50"]), "medians")
    near(first["p99 change"], (b["p99"] - a["p99"]) / a["p99"], 1e-9, "change of p99")
    bars = compare("Histograms of both", store.lossy)
    for side in ("A", "B"):
        near(sum(bars.column(side)), 1, 1e-6, f"shares of {side}")
    for title in ("Round trip by view", "Segments"):
        for row in compare(title, store.clean).rows:
            differences = [value for name, value in row.items() if name.endswith((" B - A", " change"))]
            check(set(differences) <= {0, None}, f"a run and itself: {row}")


def test_a_missing_layer_is_left_out(host):
    run = store_of(host).two_layers
    for title in ("Round trip by view: the typical second", "Round trip by view: p99 of the worst second"):
        names = set(run.panel("netobs-overview", title).series())
        check(names <= {"application", "kernel"} and "application" in names, f"{title}: {names}")
    equal(run.panel("netobs-run", "Round trip by view").column("view"), ["application", "kernel"], "views")


def test_conditions(host):
    store = store_of(host)
    row = store.root.rows("SELECT * FROM udp_metrics")[0]
    for title, column in (("Upload (TCP)", "tcp_upload_bps"), ("Download (TCP)", "tcp_download_bps"),
                          ("ICMP latency, median", "icmp_p50_ns"), ("Path MTU", "path_mtu_bytes")):
        shown = only_value(store.panel("netobs-conditions", title, store.clean, whole(store)))
        near(shown, float(row[column]), 1e-9, title)


def test_expired_probes(host):
    """Raw rows go after some days; everything else still answers."""
    store = store_of(host)
    run = store.two_layers
    store.root.run(f"DELETE FROM probes WHERE run_id = {run.number}")
    for title in ("Raw probes", "Raw round trips"):
        equal(run.panel("netobs-run", title).rows, [], title)
    check(run.panel("netobs-run", "Segments").rows, "segments without raw rows")


def test_an_empty_store_gives_no_error(host):
    store = store_of(host)
    host.netobs("db", "init", store.url("nothing_yet")).expect(0)
    store.allow("nothing_yet")
    client = store.client("grafana", "nothing_yet")
    for board in store.boards.values():
        # Grafana leaves a variable without a choice empty.
        values = {name: value if isinstance(value, list) or name in ("view", "first", "window") else ""
                  for name, value in store.values(board, store.clean).items()}
        for title, form, sql in all_queries(board):
            answer = ask(client, expand(sql, variables_of(board), values, whole(store)), form)
            check(form == "table" or not answer.rows, f"{title}: {answer.rows}")


def test_no_full_scan_of_a_large_table(host):
    store = store_of(host)
    host.netobs("db", "init", store.url("large")).expect(0)
    root = store.client("root", "large")
    start_ns = 1_790_000_000 * SECOND_NS
    synthetic.fill(root, [synthetic.Runs(count=300, first_ns=start_ns, period_s=60, seconds=10, rate=1000)],
                   raw=synthetic.Raw(run_id=start_ns, count=50_000, rate=1000))
    root.run("ANALYZE TABLE " + ", ".join(sorted(HOT_TABLES)))
    runs = {"run": str(start_ns), "run_a": str(start_ns), "run_b": str(start_ns + 60 * SECOND_NS)}
    wrong = []
    for hours in (1, 5):
        span = Range(start_ns + SECOND_NS, start_ns + hours * 3600 * SECOND_NS, 15_000)
        for board in store.boards.values():
            values = store.values(board, store.clean, **runs)
            for title, _, sql in all_queries(board):
                steps = full_scans(root, expand(sql, variables_of(board), values, span), HOT_TABLES)
                wrong += [f"{title}: {step}" for step in steps]
    check(not wrong, "\n".join(wrong))
    check(full_scans(root, "SELECT COUNT(*) AS n FROM rollups r WHERE r.max_ns > 5", HOT_TABLES), "a scan was not seen")
    check(full_scans(root, "SELECT metric FROM rollup_buckets", HOT_TABLES), "a scan of an index was not seen")


def test_what_is_wrong_is_refused(host):
    """The checks above can fail: a wrong column, type, macro or order, and a write."""
    store = store_of(host)
    board = store.boards["netobs-overview"]

    def refused(sql, words, form="table"):
        try:
            store.ask(board, sql, form, store.clean, whole(store))
        except QueryError as error:
            check(words in str(error), f"refused, but not for {words!r}: {error}")
            return
        raise Failure(f"not refused: {sql}")

    good = next(sql for title, _, sql, _ in queries_of(board) if "typical second" in title)
    check("p50_ns" in good, good)
    refused(good.replace("p50_ns", "p5_ns"), "Unknown column", "time_series")
    refused("SELECT SUM(sent) AS n FROM runs", "NEWDECIMAL")
    refused("SELECT 1 << 2 AS n", "unsigned")
    refused("SELECT $__unixEpochGroupOf(started_at_ns) AS n FROM runs", "unknown macro")
    refused("SELECT run_id FROM runs WHERE target = '$nobody'", "not replaced")
    refused("SELECT target, MAX(sent) AS n FROM runs", "GROUP")
    refused("SELECT sent AS n FROM runs", "needs a column 'time'", "time_series")
    refused("SELECT 1 AS time, 2 AS a UNION ALL SELECT 0, 3", "order of time", "time_series")
    refused("SELECT 1 AS time, 2 AS a UNION ALL SELECT 1, 3", "same time", "time_series")
    refused("DELETE FROM runs", "denied")
    refused("SELECT current_user() AS who", "users and grants")


class SqlLab(lab.Lab):
    """The laboratory, and the server's socket."""

    mariadb = None


def main():
    reason = mariadb_server.missing()
    try:
        lab.require_root_and_namespaces()
    except Skip as skip:
        reason = reason or str(skip)
    if reason:
        print(f"skipped: {reason}")
        sys.exit(lab.SKIP_STATUS)
    signal.signal(signal.SIGTERM, lambda got, frame: sys.exit(128 + got))
    with mariadb_server.server() as SqlLab.mariadb:
        lab.Lab = SqlLab
        lab.main(globals())


if __name__ == "__main__":
    main()
